package faultrun

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agent"
	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// listener is the runner of a machine without processes: it connects, runs one job by waiting, and ends.
type listener struct {
	clock seam.Clock
	http  *http.Client
	takes func() (connect, job time.Duration)
	life  context.Context //nolint:containedctx // the machine's life, which ends all its processes

	happenings chan agent.Happening
	running    sync.WaitGroup

	mu        sync.Mutex
	interrupt context.CancelFunc // of the listener that runs; nil without one
	kill      context.CancelFunc
	worker    bool
	ever      bool
	given     bool // GitHub sent it a job that it did not get
	refused   bool // GitHub knew its registration no more
}

var _ agent.Runner = (*listener)(nil)

// pendingHappenings is more than one listener says, so that it never waits for its agent.
const pendingHappenings = 64

func newListener(life context.Context, clock seam.Clock, client *http.Client, takes func() (connect, job time.Duration)) *listener {
	return &listener{clock: clock, http: client, takes: takes, life: life, happenings: make(chan agent.Happening, pendingHappenings)}
}

// Start implements agent.Runner.
func (l *listener) Start(a agentapi.Assignment) error {
	b, err := readJIT(l.http, a.JITConfig)
	if err != nil {
		return err
	}
	life, kill := context.WithCancel(l.life)
	waiting, interrupt := context.WithCancel(life)
	l.mu.Lock()
	l.interrupt, l.kill = interrupt, kill
	l.mu.Unlock()
	l.running.Go(func() {
		code := l.run(life, waiting, b)
		l.mu.Lock()
		l.interrupt, l.kill = nil, nil
		l.mu.Unlock()
		interrupt()
		kill()
		l.happenings <- agent.Happening{Exited: true, Code: code}
	})
	return nil
}

// Exit codes of the official runner.
const (
	exitDone      = 0
	exitTerminal  = 1
	exitRetryable = 2
	exitKilled    = 128 + 9
)

// run is the listener's life; waiting ends when it is interrupted, life when it is killed.
func (l *listener) run(life, waiting context.Context, b *broker) int {
	connect, takes := l.takes()
	if l.clock.Sleep(waiting, connect) != nil {
		return exitDone
	}
	if err := b.open(waiting); err != nil {
		return l.lost(life, waiting, err, exitTerminal)
	}
	defer func() {
		if life.Err() == nil { // a killed process closes nothing
			_ = b.close(life) // the registration is mostly gone by then
		}
	}()
	l.happenings <- agent.Happening{Saying: agent.SaysListening}
	for {
		job, err := b.next(waiting)
		if err != nil {
			return l.lost(life, waiting, err, exitDone)
		}
		if job == 0 {
			continue
		}
		l.note(func() { l.given = true })
		if err := b.acquire(life, job); errors.Is(err, errLost) {
			continue
		} else if err != nil {
			return l.lost(life, waiting, err, exitDone)
		}
		l.note(func() { l.worker, l.ever = true, true })
		l.happenings <- agent.Happening{Saying: agent.SaysRunning}
		return l.work(life, b, job, takes)
	}
}

// work is the worker's life.
func (l *listener) work(life context.Context, b *broker, job int64, takes time.Duration) int {
	const renewEvery = 2 * time.Second // the simulated runner's pace
	conclusion := "success"
	for left := takes; left > 0; left -= renewEvery {
		if l.clock.Sleep(life, min(left, renewEvery)) != nil {
			l.note(func() { l.worker = false })
			return exitKilled
		}
		if cancelled, err := b.renew(life, job); cancelled || errors.Is(err, errLost) {
			conclusion = "cancelled"
			break
		}
	}
	const tries, pause = 5, time.Second
	for range tries {
		err := b.complete(life, job, conclusion)
		if err == nil || errors.Is(err, errLost) || errors.Is(err, errGone) || l.clock.Sleep(life, pause) != nil {
			break
		}
	}
	l.note(func() { l.worker = false })
	l.happenings <- agent.Happening{Saying: agent.SaysCompleted}
	return exitDone
}

// lost is the end of a listener that got no job.
func (l *listener) lost(life, waiting context.Context, err error, gone int) int {
	switch {
	case life.Err() != nil:
		return exitKilled
	case waiting.Err() != nil:
		return exitDone
	case errors.Is(err, errGone), errors.Is(err, errLost):
		l.note(func() { l.refused = true })
		return gone
	default:
		return exitRetryable
	}
}

func (l *listener) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// Signal implements agent.Runner.
func (l *listener) Signal(s agent.Signal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.interrupt == nil:
	case s == agent.Interrupt:
		l.interrupt()
	default:
		l.kill()
	}
	return nil
}

// Happenings implements agent.Runner.
func (l *listener) Happenings() <-chan agent.Happening { return l.happenings }

// Observe implements agent.Runner.
func (l *listener) Observe() (agent.Observation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return agent.Observation{WorkerRunning: l.worker, WorkerEver: l.ever, Alone: l.interrupt == nil}, nil
}

// KeepLogs implements agent.Runner.
func (l *listener) KeepLogs() (string, error) { return "", nil }

// state says what became of it.
func (l *listener) state() (worker, ever, given, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.worker, l.ever, l.given, l.refused
}
