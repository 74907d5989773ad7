package dashboard

import (
	"net/http"
	"net/url"
	"strings"
)

// The themes. Without one, a page follows the browser's setting.
const (
	themeCookie = "runs_fleet_theme"
	themeDark   = "dark"
	themeLight  = "light"
	themeFor    = 365 * 24 * 60 * 60 // seconds
)

func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == themeDark || c.Value == themeLight) {
		return c.Value
	}
	return ""
}

// Theme sets a browser's theme and returns to the page that it came from. It needs no login: the page that asks for one has
// the switch as well.
func (d *Dashboard) Theme(w http.ResponseWriter, r *http.Request) {
	c := &http.Cookie{ //nolint:gosec // Secure where people come by HTTPS
		Name: themeCookie, Value: r.FormValue("theme"), Path: "/", MaxAge: themeFor, HttpOnly: true, Secure: d.Secure, SameSite: http.SameSiteStrictMode,
	}
	if c.Value != themeDark && c.Value != themeLight {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
	http.Redirect(w, r, back(r), http.StatusSeeOther) //nolint:gosec // a page of this server
}

// back is the page of this server that a request came from, else the first. A login's address is no page to return to.
func back(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host || !strings.HasPrefix(from.Path, "/") || strings.HasPrefix(from.Path, "//") || from.Path == "/login" {
		return "/"
	}
	return from.RequestURI()
}
