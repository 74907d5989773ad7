// Package webtest is a server over the memory store with a fleet of a test's own, for tests of the HTTP side and of the
// command line.
package webtest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/web"
	"github.com/runs-fleet/runs-fleet/internal/web/api"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Noon is when a world begins.
func Noon() time.Time { return time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC) }

// The bearers of a world: the command line's, and what an agent has.
const (
	Token    = "token-of-the-command-line-0123456789abcdef"
	AgentKey = "key-of-an-agent-0123456789abcdef"
)

// Host is the GitHub host of a world.
const Host = "github.com"

// World is a server and what it serves.
type World struct {
	Clock   *Clock
	Records *record.Records
	Web     *web.Server
	HTTP    *httptest.Server
	// Drains counts calls of drain; Webhooks counts requests that reached the webhook.
	Drains, Webhooks atomic.Int32
	// OnDrain runs when a drain begins.
	OnDrain func()
	// Broken makes pages that explain jobs, as the overview does, fail as if the rows could not be read.
	Broken atomic.Bool

	ending chan struct{}
	stop   sync.Once

	mu      sync.Mutex // of what a test may change while pages that it has open ask for it
	logs    map[int64]string
	kept    map[string]string // logs of machines, by "MACHINE LOG"
	dead    []controller.DeadLetter
	reasons func(context.Context, []fleet.JobID) ([]string, error) // nil: always the same one
}

// Stop tells the server that it is to end: what browsers hold open ends.
func (w *World) Stop() { w.stop.Do(func() { close(w.ending) }) }

// SetLog gives a job the log that GitHub keeps of it.
func (w *World) SetLog(job int64, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs[job] = text
}

// SetConsole gives a machine the boot log that its provider keeps, or that was archived.
func (w *World) SetConsole(machine, text string) { w.SetMachineLog(machine, fleet.LogConsole, text) }

// SetMachineLog gives a machine a log that was archived.
func (w *World) SetMachineLog(machine string, l fleet.Log, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept[machine+" "+string(l)] = text
}

func (w *World) machineLog(_ context.Context, id fleet.MachineID, l fleet.Log) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []byte(w.kept[id.ID+" "+string(l)]), w.broken()
}

// SetDead gives the world messages that could not be applied.
func (w *World) SetDead(letters ...controller.DeadLetter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = letters
}

func (w *World) deadLetters(_ context.Context, limit int) ([]controller.DeadLetter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead[:min(limit, len(w.dead))], w.broken()
}

func (w *World) redrive(context.Context) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.broken(); err != nil {
		return 0, err
	}
	n := len(w.dead)
	w.dead = nil
	return n, nil
}

func (w *World) deadCount(context.Context) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.dead)
}

// explainBy says how the world finds out why jobs wait.
func (w *World) explainBy(reasons func(context.Context, []fleet.JobID) ([]string, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reasons = reasons
}

func (w *World) explainer() func(context.Context, []fleet.JobID) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reasons
}

// pace is how often open pages look for news: the world's own clock does not make anybody wait.
const pace = 20 * time.Millisecond

// New starts a world's server.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Clock: &Clock{now: Noon()}, logs: map[int64]string{}, kept: map[string]string{}, ending: make(chan struct{})}
	s := memory.New(w.Clock, memory.Options{})
	w.Records = record.New(s)
	w.Web, w.HTTP = w.serve(t)
	t.Cleanup(func() {
		w.Stop()
		w.HTTP.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// Another starts another server of the same fleet, and returns its address.
func (w *World) Another(t testing.TB) string {
	t.Helper()
	_, s := w.serve(t)
	t.Cleanup(s.Close)
	return s.URL
}

// LoginURL makes a one-time address of the world's server.
func (w *World) LoginURL(t testing.TB) string {
	t.Helper()
	address, err := w.Web.LoginURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// serve starts a server of the world's fleet.
func (w *World) serve(t testing.TB) (*web.Server, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	listen := s.Listener.Addr().String()
	site := web.New(web.Config{
		Webhook: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			w.Webhooks.Add(1)
			out.WriteHeader(http.StatusAccepted)
		}),
		Ready: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusOK) }),
		Metrics: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(out, "runs_fleet_machines 0\n")
		}),
		Agent:  agentapi.NewHandler(agents{}, slog.New(slog.DiscardHandler)),
		API:    w.api(),
		Tokens: []web.Token{{Name: "command line", Secret: Token}},
		Listen: listen, LocalURL: "http://" + listen, Clock: w.Clock, Random: seam.Crypto{}, Sessions: w.Records,
		Ending: w.ending, Pause: func(ctx context.Context, _ time.Duration) error { return seam.System{}.Sleep(ctx, pace) },
	})
	s.Config.Handler = site
	s.Start()
	return site, s
}

// errBroken is what a broken world answers.
var errBroken = errors.New("the store cannot be read")

func (w *World) broken() error {
	if w.Broken.Load() {
		return errBroken
	}
	return nil
}

func (w *World) api() api.Config {
	return api.Config{
		Queries: query.New(w.Records, w.Clock), Clock: w.Clock, Logger: slog.New(slog.DiscardHandler),
		About: view.About{
			Version: "v1.2.3", Fleet: "f1ee7000", Started: Noon().Add(-time.Hour), GitHub: Host, Repositories: []string{"acme/app"},
			Owners: []string{"acme"}, Intake: "polling", Isolation: "user", MaxRunners: 4,
		},
		Why: func(_ context.Context, _ fleet.JobID) (string, error) {
			return "It waits for room: 4 of 4 runners are in use.", nil
		},
		Reasons: func(ctx context.Context, ids []fleet.JobID) ([]string, error) {
			if err := w.broken(); err != nil {
				return nil, err
			}
			if explain := w.explainer(); explain != nil {
				return explain(ctx, ids)
			}
			return slices.Repeat([]string{"It waits for room: 4 of 4 runners are in use."}, len(ids)), nil
		},
		JobLog: func(_ context.Context, _ fleet.Repository, id int64) ([]byte, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if log, ok := w.logs[id]; ok {
				return []byte(log), nil
			}
			return nil, controller.ErrNoJob
		},
		MachineLog: w.machineLog,
		Drain: func() {
			if w.Drains.Add(1) == 1 && w.OnDrain != nil {
				w.OnDrain()
			}
		},
		Draining:    func() bool { return w.Drains.Load() > 0 },
		DeadLetters: w.deadLetters, Redrive: w.redrive, DeadCount: w.deadCount,
	}
}

// agents accept the one key that an agent of this world has.
type agents struct{}

func (agents) Hello(context.Context, agentapi.Hello) (agentapi.Welcome, error) {
	return agentapi.Welcome{}, agentapi.ErrRefused
}

func (agents) Poll(_ context.Context, key string, _ agentapi.Report) (agentapi.Orders, error) {
	if key != AgentKey {
		return agentapi.Orders{}, agentapi.ErrRefused
	}
	return agentapi.Orders{}, nil
}

// Clock stands still, except that sleeping moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the world's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep moves the time on and returns at once.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// WithTimeout never times out: nothing in a world takes time.
func (*Clock) WithTimeout(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
