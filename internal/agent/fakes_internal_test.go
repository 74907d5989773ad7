package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// fakeServer holds polls as the protocol says and repeats an order until a report shows it.
type fakeServer struct {
	mu       sync.Mutex
	hello    func(n int) error
	hellos   int
	away     bool
	refuse   bool
	order    agentapi.Orders
	stubborn bool // the order is repeated whatever is reported
	reports  []agentapi.Report
	times    []time.Time
	changed  chan struct{}
}

func newFakeServer() *fakeServer { return &fakeServer{changed: make(chan struct{})} }

func (f *fakeServer) set(change func(*fakeServer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeServer) Hello(_ context.Context, h agentapi.Hello) (agentapi.Welcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hellos++
	if f.hello != nil {
		if err := f.hello(f.hellos); err != nil {
			return agentapi.Welcome{}, err
		}
	}
	if len(h.KeyHash) != 64 {
		return agentapi.Welcome{}, agentapi.ErrInvalid
	}
	return agentapi.Welcome{Machine: "m", LeaseSeconds: 60, RenewSeconds: 20}, nil
}

var errAway = errors.New("away")

func (f *fakeServer) Poll(ctx context.Context, _ string, r agentapi.Report) (agentapi.Orders, error) {
	f.mu.Lock()
	f.reports, f.times = append(f.reports, r), append(f.times, time.Now())
	f.mu.Unlock()
	hold, cancel := context.WithTimeout(ctx, agentapi.PollWait)
	defer cancel()
	for {
		f.mu.Lock()
		away, refuse, order, stubborn, changed := f.away, f.refuse, f.order, f.stubborn, f.changed
		f.mu.Unlock()
		switch {
		case away:
			return agentapi.Orders{}, errAway
		case refuse:
			return agentapi.Orders{}, agentapi.ErrRefused
		case order.Command != "" && (stubborn || !shows(r, order)):
			return order, nil
		}
		select {
		case <-changed:
		case <-hold.Done():
			return agentapi.Orders{}, ctx.Err()
		}
	}
}

func shows(r agentapi.Report, o agentapi.Orders) bool {
	return o.Assignment != nil && o.Assignment.Runner == r.Runner
}

func (f *fakeServer) last() agentapi.Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reports) == 0 {
		return agentapi.Report{}
	}
	return f.reports[len(f.reports)-1]
}

// fakeRunner is the process seam without processes.
type fakeRunner struct {
	mu          sync.Mutex
	started     []string
	signals     []Signal
	signalTimes []time.Time
	kept        int
	observation Observation
	obedient    bool // exits on SIGINT
	happenings  chan Happening
}

func newFakeRunner() *fakeRunner { return &fakeRunner{happenings: make(chan Happening, 16)} }

func (f *fakeRunner) Start(a agentapi.Assignment) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = append(f.started, a.Runner)
	return nil
}

func (f *fakeRunner) Signal(s Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signals, f.signalTimes = append(f.signals, s), append(f.signalTimes, time.Now())
	if f.obedient {
		f.happenings <- Happening{Exited: true}
	}
	return nil
}

func (f *fakeRunner) Happenings() <-chan Happening { return f.happenings }

func (f *fakeRunner) Observe() (Observation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.observation, nil
}

func (f *fakeRunner) KeepLogs() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept++
	return "tail", nil
}

func (f *fakeRunner) sees(o Observation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observation = o
}

// run starts an agent in the present bubble; its end comes by the channel.
func run(t *testing.T, ctx context.Context, s *fakeServer, r *fakeRunner) <-chan error { //nolint:revive // t first reads better
	t.Helper()
	ended := make(chan error, 1)
	o := Options{
		Server: s, Runner: r, Hello: Facts(), Limits: DefaultLimits(), Clock: seam.System{}, Random: seam.Crypto{},
		Folder: agentapi.Phase{Name: phaseFolder, At: time.Now(), Detail: "overlay"}, Logger: slog.New(slog.DiscardHandler),
	}
	o.Hello.Token, o.Hello.Booted = "token", time.Now()
	go func() { ended <- Run(ctx, o) }()
	return ended
}

// pass lets the bubble's time go on.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := (seam.System{}).Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}
