package dashboard

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/web/query"
)

//go:embed pages/*.html
var pages embed.FS

// content is what a page is made of.
type content struct {
	Title string
	Nav   string // the entry of the navigation that it belongs to
	Self  string // its canonical address, from which its stream comes; empty if nothing on it lives
	Data  any
}

// frame is what the layout needs besides.
type frame struct {
	content
	Theme  string
	Now    time.Time
	Live   template.HTML // the part that lives, made already
	Stream string        // where news of it come from
}

type maker func(*http.Request) (content, error)

// parse reads a page's templates. Mistakes in them are found by the tests, which show every page.
func (d *Dashboard) parse(name string) *template.Template {
	return template.Must(template.New(name).Funcs(d.functions()).ParseFS(pages, "pages/layout.html", "pages/pieces.html", "pages/"+name))
}

func (d *Dashboard) frame(r *http.Request, c content) frame {
	return frame{content: c, Theme: themeOf(r), Now: d.Clock.Now()}
}

func (d *Dashboard) servePage(w http.ResponseWriter, r *http.Request, t *template.Template, build maker) {
	c, err := build(r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	if r.Header.Get("Hx-Request") != "" && c.Self != "" {
		w.Header().Set("Hx-Push-Url", c.Self) // without the fields of a form that are empty
	}
	d.write(w, r, http.StatusOK, t, "layout", c)
}

// partError is the error of a part of a page that has been made nevertheless, and says what is wrong.
type partError struct {
	status int
	data   any
}

func (partError) Error() string { return "a part of a page is not to be had" }

func (d *Dashboard) servePart(w http.ResponseWriter, r *http.Request, t *template.Template, build maker) {
	status := http.StatusOK
	c, err := build(r)
	var part partError
	switch {
	case errors.As(err, &part):
		status, c.Data = part.status, part.data
		w.Header().Set("Page-Part", "1")
	case err != nil:
		d.fail(w, r, err)
		return
	}
	d.write(w, r, status, t, "part", c)
}

// fail says that a page is not to be had. What is unexpected is logged, and its text kept from the page.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, query.ErrNotFound):
		d.NotFound(w, r)
	case errors.Is(err, query.ErrCursor):
		d.say(w, r, http.StatusUnprocessableEntity, message{
			Title: "This address is not whole", Text: "It names a place in a list in a way that no page of this server does. Begin at the list's first page.",
		})
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		d.say(w, r, http.StatusServiceUnavailable, message{Title: "Too late", Text: "The request ended before its answer was ready."})
	default:
		d.Logger.ErrorContext(r.Context(), "making a page", "page", r.URL.Path, "error", err)
		d.say(w, r, http.StatusInternalServerError, message{
			Title: "The fleet cannot be read", Refresh: 5,
			Text: "The server could not read its own records; its log says why. This page tries again by itself.",
		})
	}
}

// write sends a whole page or none.
func (d *Dashboard) write(w http.ResponseWriter, r *http.Request, code int, t *template.Template, name string, c content) {
	var live, whole bytes.Buffer
	f := d.frame(r, c)
	err := t.ExecuteTemplate(&live, "live", f)
	if err == nil {
		f.Live = template.HTML(live.String()) //nolint:gosec // a template made it
		f.Stream = streamURL(c.Self, live.String())
		err = t.ExecuteTemplate(&whole, name, f)
	}
	if err != nil { // a template that does not fit its data
		d.Logger.ErrorContext(r.Context(), "filling a page in", "page", r.URL.Path, "error", err)
		http.Error(w, "this page is broken; the server's log says how", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = whole.WriteTo(w) // the browser has gone if this fails
}

// streamURL is where a page's news come from: its own address, with what it shows already.
func streamURL(self, live string) string {
	if self == "" {
		return ""
	}
	separator := "?"
	if strings.Contains(self, "?") {
		separator = "&"
	}
	return self + separator + seenParameter + "=" + digest(live)
}
