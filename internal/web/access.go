package web

import (
	"net/http"
	"slices"
)

// Access says who a route is for.
type Access string

// The kinds of access. What is public guards itself (a signature, an agent's own key) or has nothing to guard.
const (
	Public Access = "public"
	Login  Access = "login"
)

// Route is one entry of the server's mux.
type Route struct {
	Pattern string // "GET /api/v1/jobs"; without a method for all of them
	Access  Access
}

// routes is a mux that remembers what it serves, and puts the guard before whatever is not public: a route cannot be added
// without a decision.
type routes struct {
	mux   *http.ServeMux
	guard func(http.Handler) http.Handler
	list  []Route
}

func newRoutes(guard func(http.Handler) http.Handler) *routes {
	return &routes{mux: http.NewServeMux(), guard: guard}
}

func (r *routes) handle(pattern string, access Access, h http.Handler) {
	if access != Public {
		h = r.guard(h)
	}
	r.list = append(r.list, Route{pattern, access})
	r.mux.Handle(pattern, h)
}

// HandleFunc registers a route for who is logged in. It makes routes a mux for the API library.
func (r *routes) HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request)) {
	r.handle(pattern, Login, http.HandlerFunc(f))
}

// ServeHTTP serves what was registered.
func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

func (r *routes) all() []Route { return slices.Clone(r.list) }
