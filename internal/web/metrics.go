package web

import (
	"net/http"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

// MetricsPath is where metrics are served.
const MetricsPath = "/metrics"

// Metrics returns the handler of a listener that serves nothing but metrics. Where only this machine reaches it no token is
// asked for, but the name must be one of this machine's, or a page in a browser could read them (DNS rebinding). Elsewhere
// one of the tokens is.
func Metrics(metrics http.Handler, listen string, tokens []Token) http.Handler {
	var guarded http.Handler
	if settings.Loopback(hostname(listen)) {
		guarded = newOrigins(listen, "").check(metrics)
	} else {
		guarded = requireToken(newBearers(tokens), metrics)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+MetricsPath, guarded)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		mux.ServeHTTP(w, r)
	})
}

// requireToken lets programs with a token through, under whatever name they know the server.
func requireToken(who bearers, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who.name(r) == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="runs-fleet"`)
			problem.Write(w, http.StatusUnauthorized, "send a token of api_tokens_file as bearer")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
