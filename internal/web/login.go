package web

import (
	"net/http"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

// requireLogin lets programs with a token and browsers with a session through.
func (s *Server) requireLogin(who bearers, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := false, error(nil)
		if r.Header.Get("Authorization") == "" {
			session, err = s.sessions.valid(r)
		}
		switch {
		case who.name(r) != "":
		case err != nil:
			s.unknown(w, r, err)
			return
		case session:
			if !safe(r.Method) && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
				problem.Write(w, http.StatusForbidden, "a browser says where a request comes from; programs log in with a token")
				return
			}
		case wantsPage(r):
			s.pages.LoggedOut(w, r)
			return
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="runs-fleet"`)
			problem.Write(w, http.StatusUnauthorized,
				"log in: programs send the token of server.json in the data directory as bearer, browsers use the address that runs-fleet login prints")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// unknown answers who may be logged in or not.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request, err error) {
	s.log.WarnContext(r.Context(), "who is logged in could not be found out", "error", err)
	w.Header().Set("Retry-After", "5")
	problem.Write(w, http.StatusServiceUnavailable, "the server cannot reach its database, so it does not know who is logged in: try again in a moment")
}

// wantsPage says whether a request is a browser's, for a page.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// login turns a one-time token into a session. It answers with a page that goes on by itself instead of a redirect: after a
// redirect from a click on another site, a browser would not send the strict cookie.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead || isPrefetch(r) {
		w.WriteHeader(http.StatusNoContent) // a preview must not use the token up
		return
	}
	cookie, ok, err := s.sessions.redeem(r.Context(), r.URL.Query().Get("token"))
	if err == nil && !ok {
		ok, err = s.sessions.valid(r) // the same address again, in the browser that it logged in
	}
	switch {
	case err != nil:
		s.unknown(w, r, err)
		return
	case !ok:
		s.pages.LoggedOut(w, r)
		return
	case cookie == "":
		s.pages.Welcome(w, r)
		return
	}
	http.SetCookie(w, s.cookie(cookie, int(sessionFor.Seconds())))
	s.pages.Welcome(w, r)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.end(r); err != nil {
		s.unknown(w, r, err)
		return
	}
	http.SetCookie(w, s.cookie("", -1))
	s.pages.Goodbye(w, r)
}

func (s *Server) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where people come by HTTPS
		Name: sessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	}
}

func isPrefetch(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}
