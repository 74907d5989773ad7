// Package web is the server's HTTP side: GitHub's webhook, the agents' protocol, health, the REST API, the dashboard, and who
// may use which of them.
package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/api"
	"github.com/runs-fleet/runs-fleet/internal/web/dashboard"
	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

// Config is what the server serves.
type Config struct {
	// Webhook takes GitHub's deliveries; nil if there is no webhook. Ready says whether a delivery could be stored. Agent
	// serves the agents' protocol.
	Webhook, Ready, Agent http.Handler
	// Replicas takes what other replicas tell at ReplicaPath; nil if there can be none.
	Replicas http.Handler
	// Metrics serves MetricsPath to who is logged in; nil if there is none.
	Metrics http.Handler
	API     api.Config
	// Sessions keeps the log-ins of browsers, for all replicas.
	Sessions Sessions
	// Tokens are the bearers of the API.
	Tokens []Token
	// Listen is the listening address. LocalURL is under which browsers of this machine reach it, ExternalURL under which
	// others do, empty if none does.
	Listen, LocalURL, ExternalURL string

	Clock  seam.Clock
	Random seam.Random

	// Ending is closed when the server begins to stop: what browsers hold open ends then. Nil if nothing stops it.
	Ending <-chan struct{}
	// Pause waits between two looks for news of an open page; Clock.Sleep if nil.
	Pause func(context.Context, time.Duration) error
}

// ReplicaPath is where replicas tell each other that an agent has an order.
const ReplicaPath = "/replica/v1/wake"

// Server is the handler of everything.
type Server struct {
	routes   *routes
	sessions *sessions
	pages    *dashboard.Dashboard
	log      *slog.Logger
	base     string
	secure   bool
}

// New wires the routes.
func New(c Config) *Server {
	s := &Server{sessions: newSessions(c.Sessions, c.Clock, c.Random), log: c.API.Logger, base: strings.TrimRight(c.LocalURL, "/")}
	if c.ExternalURL != "" {
		s.base = strings.TrimRight(c.ExternalURL, "/")
		s.secure = strings.HasPrefix(s.base, "https:")
	}
	from := newOrigins(c.Listen, c.ExternalURL)
	who := newBearers(c.Tokens)
	s.routes = newRoutes(func(next http.Handler) http.Handler {
		return from.check(s.requireLogin(who, limitBody(next)))
	})
	c.API.LoginURL = s.LoginURL
	if c.API.Reasons == nil {
		c.API.Reasons = oneByOne(c.API.Why)
	}
	s.pages = dashboard.New(dashboard.Config{
		Queries: c.API.Queries, About: c.API.About, Clock: c.Clock, Logger: c.API.Logger, Draining: c.API.Draining, Drain: c.API.Drain,
		Reasons: c.API.Reasons, JobLog: c.API.JobLog, MachineLog: c.API.MachineLog, DeadLetters: c.API.DeadLetters,
		Redrive: c.API.Redrive, DeadCount: c.API.DeadCount, Ending: c.Ending, Pause: c.Pause, Secure: s.secure,
	})
	s.public(c, from)
	api.Register(s.routes, c.API)
	for _, r := range s.pages.Routes() {
		s.routes.handle(r.Pattern, Login, r.Handler)
	}
	if c.Metrics != nil {
		s.routes.handle("GET "+MetricsPath, Login, c.Metrics)
	}
	s.routes.handle("POST /logout", Login, http.HandlerFunc(s.logout))
	s.routes.handle("/", Login, http.HandlerFunc(s.notFound))
	return s
}

// oneByOne asks for each job alone.
func oneByOne(why func(context.Context, fleet.JobID) (string, error)) func(context.Context, []fleet.JobID) ([]string, error) {
	return func(ctx context.Context, ids []fleet.JobID) ([]string, error) {
		out := make([]string, 0, len(ids))
		for _, id := range ids {
			reason, err := why(ctx, id)
			if err != nil {
				return nil, err
			}
			out = append(out, reason)
		}
		return out, nil
	}
}

func (s *Server) public(c Config, from origins) {
	webhook := c.Webhook
	if webhook == nil {
		webhook = http.HandlerFunc(noWebhook)
	}
	s.routes.handle("/webhook", Public, webhook)
	s.routes.handle("GET /readyz", Public, c.Ready)
	s.routes.handle("GET /healthz", Public, http.HandlerFunc(healthy))
	s.routes.handle("/agent/v1/", Public, c.Agent)
	if c.Replicas != nil {
		s.routes.handle("POST "+ReplicaPath, Public, c.Replicas)
	}
	s.routes.handle("GET /login", Public, from.check(http.HandlerFunc(s.login)))
	s.routes.handle("GET /static/", Public, from.check(s.pages.Static()))
	s.routes.handle("POST /theme", Public, from.check(limitBody(http.HandlerFunc(s.pages.Theme))))
}

// ServeHTTP serves a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // an address may hold a one-time token; no-referrer would make a form's Origin null
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	s.routes.ServeHTTP(w, r)
}

// Routes lists every route with who it is for.
func (s *Server) Routes() []Route { return s.routes.all() }

// LoginURL makes an address that logs one browser in, once.
func (s *Server) LoginURL(ctx context.Context) (string, error) {
	token, err := s.sessions.offer(ctx)
	if err != nil {
		return "", err
	}
	return s.base + "/login?token=" + token, nil
}

// maxBody is enough for every request of the API, which are small; webhook and agents have bounds of their own.
const maxBody = 64 << 10

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

func noWebhook(w http.ResponseWriter, _ *http.Request) {
	problem.Write(w, http.StatusNotFound, "this server takes no webhooks: it has no secret to check them with (RUNS_FLEET_WEBHOOK_SECRET) "+
		"and finds jobs by asking GitHub")
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	if wantsPage(r) {
		s.pages.NotFound(w, r)
		return
	}
	problem.Write(w, http.StatusNotFound, "there is nothing at this address; "+api.Prefix+"/openapi.json lists what there is")
}
