package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

// origins knows under which names browsers may reach the server. It is what stops a page of somebody else's that runs in the
// user's browser: one whose own host name is made to point at this server (DNS rebinding, which Host gives away) and one that
// sends requests with the user's cookie (which Origin gives away).
type origins struct {
	listen   string // host name of the listening address, empty if it is all of them
	external *url.URL
}

func newOrigins(listen, external string) origins {
	o := origins{listen: hostname(listen)}
	if u, err := url.Parse(external); err == nil && external != "" {
		o.external = u
	}
	return o
}

// allows says whether a Host, or the host of an Origin, is a name of this server. The port is free: a forwarded port is
// another one, and a rebound name cannot be a loopback literal.
func (o origins) allows(host string) bool {
	name := hostname(host)
	switch {
	case settings.Loopback(name):
		return settings.Loopback(o.listen) || o.anyAddress()
	case o.external != nil && strings.EqualFold(host, o.external.Host):
		return true
	default:
		return name != "" && !o.anyAddress() && strings.EqualFold(name, o.listen)
	}
}

func (o origins) anyAddress() bool {
	ip := net.ParseIP(o.listen)
	return o.listen == "" || ip != nil && ip.IsUnspecified()
}

// check refuses what comes from elsewhere. A request of a program has no Origin; a browser adds one to whatever could
// change something.
func (o origins) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !o.allows(r.Host) {
			problem.Write(w, http.StatusForbidden, "this server is not "+quoteHost(r.Host)+
				": use the address that it printed when it started, or name this one in external_url")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			u, err := url.Parse(origin)
			if err != nil || !o.own(u.Host, r.Host) {
				problem.Write(w, http.StatusForbidden, "requests from pages of other origins are refused")
				return
			}
		} else if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && !safe(r.Method) {
			problem.Write(w, http.StatusForbidden, "requests from pages of other sites are refused")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// own compares with the port: another port of this machine is another origin, where a job may be listening.
func (o origins) own(origin, host string) bool {
	return strings.EqualFold(origin, host) || o.external != nil && strings.EqualFold(origin, o.external.Host)
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func hostname(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return strings.Trim(hostport, "[]")
}

// quoteHost keeps what a client sent from filling a page.
func quoteHost(h string) string {
	const most = 80
	if len(h) > most {
		h = h[:most] + "..."
	}
	return `"` + h + `"`
}
