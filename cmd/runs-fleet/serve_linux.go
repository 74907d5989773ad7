package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleetconfig"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
	"github.com/runs-fleet/runs-fleet/internal/version"
	"github.com/runs-fleet/runs-fleet/internal/web"
	"github.com/runs-fleet/runs-fleet/internal/web/api"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// server is a running control plane.
type server struct {
	settings settings.Settings
	streams  streams
	clock    seam.Clock
	random   seam.Random
	log      *slog.Logger

	parts      *parts
	telemetry  *telemetry.Telemetry
	controller *controller.Controller
	ready      *ingress.Readiness
	web        *web.Server
	http       *http.Server
	metrics    *http.Server       // the listener of metrics_listen, nil without one
	polls      context.CancelFunc // ends the agents' long polls
	failed     chan error         // what ended by itself and should not have
	worked     chan error         // the controller's end
	endWork    context.CancelFunc
	// fleetConfig is the fleet configuration in force, nil without one.
	fleetConfig *fleetconfig.Watched[configured]
}

// serve runs a server until it has been told to stop.
func serve(ctx context.Context, s settings.Settings, to streams) (err error) {
	srv := &server{
		settings: s, streams: to, clock: seam.System{}, random: seam.Crypto{}, log: logger(s, to.err),
		failed: make(chan error, 2), worked: make(chan error, 1),
	}
	signals := listenForSignals()
	defer signals.stop()
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	forget := context.AfterFunc(signals.first, cancel) // Ctrl-C while it starts
	if srv.telemetry, err = telemetry.New(telemetry.Options{Clock: srv.clock, Logger: srv.log}); err != nil {
		return err
	}
	srv.parts, err = open(starting, srv)
	if err != nil {
		if starting.Err() != nil && ctx.Err() == nil {
			return errors.New("stopped before it had started")
		}
		return err
	}
	defer func() { err = errors.Join(err, srv.parts.close()) }()
	if err := srv.start(ctx); err != nil {
		return err
	}
	if err := notifyReady(ctx); err != nil {
		srv.log.WarnContext(ctx, "the service is ready, and systemd does not know it", "error", err)
	}
	if !forget() && signals.first.Err() != nil {
		srv.log.InfoContext(ctx, "told to stop while starting")
	}
	return srv.untilStopped(ctx, signals)
}

// logger writes to standard error; standard output is for the person who started the server.
func logger(s settings.Settings, to interface{ Write([]byte) (int, error) }) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil { // the table of settings allows no other
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == settings.LogJSON {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// start makes the controller work and the HTTP side answer, then tells where the server is.
func (s *server) start(ctx context.Context) error {
	p := s.parts
	work, endWork := context.WithCancel(ctx)
	s.endWork = endWork
	working, err := s.controllerConfig()
	if err != nil {
		return err
	}
	if s.controller, err = controller.New(working); err != nil {
		return fmt.Errorf("setting up the controller: %w", err)
	}
	go func() { s.worked <- s.controller.Run(work) }()
	go p.sweep(work, s.log)
	go p.sweepLogs(work, s.log)
	if p.machines.refresh != nil {
		go p.machines.refresh(work)
	}
	p.secrets.watch(work)
	if s.fleetConfig != nil {
		go s.fleetConfig.Keep(work)
	}

	token := s.random.Token(tokenBytes)
	s.ready = ingress.NewReadiness(readiness{p.queue, s.controller}, s.clock)
	config, err := s.webConfig(ctx, token)
	if err != nil {
		return err
	}
	s.web = web.New(config)
	s.http = &http.Server{ //nolint:gosec // Harden sets every deadline
		Handler: s.web, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ingress.Harden(s.http)
	go func() {
		if err := s.http.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serving HTTP: %w", err)
		}
	}()
	s.serveMetrics(ctx, config.Tokens)
	err = client.ServerFile{URL: p.localURL, Token: token, PID: os.Getpid(), Version: version.Current().Version}.Write(s.settings.Data)
	if err != nil {
		return err
	}
	return s.announce(ctx)
}

// readiness says whether a delivery could be stored, and its effect.
type readiness struct {
	queue      queue.Queue
	controller *controller.Controller
}

// Ready implements ingress.Storage.
func (r readiness) Ready(ctx context.Context) error {
	if err := r.controller.Claims(); err != nil {
		return err
	}
	return r.queue.Ready(ctx)
}

// tokenBytes is the size of the command line's token.
const tokenBytes = 32

func (s *server) webConfig(ctx context.Context, token string) (web.Config, error) {
	p := s.parts
	tokens, err := s.apiTokens()
	if err != nil {
		return web.Config{}, err
	}
	var webhook http.Handler
	var hook *ingress.Webhook
	if !s.settings.Polls() {
		hook, err = ingress.New(ingress.Options{
			Rotating: p.secrets.webhook, Owners: s.settings.Owners, Host: p.github.Host(), Queue: p.queue,
			Clock: s.clock, Logger: s.log,
		})
		if err != nil {
			return web.Config{}, fmt.Errorf("setting up the webhook: %w", err)
		}
		webhook = hook
	}
	if err := s.watchMetrics(hook); err != nil {
		return web.Config{}, err
	}
	polls, endPolls := context.WithCancel(ctx)
	s.polls = endPolls
	agents := endingWith(polls, agentapi.NewHandler(s.controller, s.log))
	if p.machines.programs != nil {
		agents = p.machines.programs(agents)
	}
	return web.Config{
		Webhook: webhook, Replicas: s.replicaHandler(), Ready: s.ready, Metrics: s.telemetry.Handler(),
		Agent:  agents,
		Tokens: append(tokens, web.Token{Name: "command line", Secret: token}),
		Listen: p.listener.Addr().String(), ExternalURL: s.settings.ExternalURL, LocalURL: p.localURL, Clock: s.clock, Random: s.random,
		Ending: polls.Done(), Sessions: p.records,
		API: api.Config{
			Queries: query.New(p.records, s.clock), Clock: s.clock, Logger: s.log, About: s.about(),
			Why: s.controller.Why, Reasons: s.controller.Reasons, JobLog: p.jobLog, MachineLog: p.machineLog, Draining: s.controller.Draining,
			DeadLetters: s.controller.DeadLetters, Redrive: s.controller.Redrive, DeadCount: s.controller.DeadCount,
			Drain: func() { s.beginDrain(ctx) },
		},
	}, nil
}

// apiTokens reads the file of tokens for programs, which only the server's user may be able to read.
func (s *server) apiTokens() ([]web.Token, error) {
	path := s.settings.APITokensFile
	if path == "" {
		return nil, nil
	}
	content, err := privateFile(path, "api_tokens_file")
	if err != nil {
		return nil, err
	}
	tokens, err := web.ParseTokens(content)
	if err != nil {
		return nil, &settings.Error{Where: path, What: err.Error()}
	}
	return tokens, nil
}

func (s *server) about() view.About {
	a := view.About{
		Version: version.Current().Version, Fleet: s.parts.identity.Fleet, Started: s.clock.Now(), GitHub: s.parts.github.Host(),
		Repositories: []string{}, Owners: s.settings.Owners, Intake: "webhook", Isolation: s.parts.machines.about.Isolation,
		MaxRunners: s.parts.maxRunners,
	}
	for _, r := range s.parts.repositories {
		a.Repositories = append(a.Repositories, r.FullName())
	}
	if s.settings.Polls() {
		a.Intake = "polling"
	}
	return a
}

// beginDrain drains in the background: whoever asked for it watches the machines' number.
func (s *server) beginDrain(ctx context.Context) {
	if s.controller.Draining() {
		return
	}
	go func() {
		if err := s.controller.Drain(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "draining", "error", err)
		}
	}()
}

// endingWith ends requests with a context of their own, so that a server that stops need not wait for long polls.
func endingWith(end context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(end, cancel)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sweepEvery is how often rows that have expired are removed from the disk; no reader sees them meanwhile.
const sweepEvery = time.Minute
