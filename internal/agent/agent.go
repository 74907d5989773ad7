package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// ControlPlane is the server as an agent sees it; *agentapi.Client is one.
type ControlPlane interface {
	Hello(ctx context.Context, h agentapi.Hello) (agentapi.Welcome, error)
	Poll(ctx context.Context, key string, r agentapi.Report) (agentapi.Orders, error)
}

// Options are everything that an agent needs. All are required except Delay and Folder.
type Options struct {
	Server ControlPlane
	Runner Runner
	// Hello proves the machine; the key's hash is filled in by the agent.
	Hello  agentapi.Hello
	Limits Limits
	// Delay is slept before the hello: an artificial boot time.
	Delay time.Duration
	// Folder says how and when the runner's folder was made.
	Folder agentapi.Phase
	Clock  seam.Clock
	Random seam.Random
	Logger *slog.Logger
}

// watchInterval is how often the agent looks at processes and clocks while nothing else happens. A worker that lives
// shorter leaves a log file, which the look at the listener's end finds.
const watchInterval = 200 * time.Millisecond

// keyBytes is the length of the agent's key: as much as the hash that binds it.
const keyBytes = 32

// Run is the agent's whole life. It returns nil when the machine may go: after its goodbye, on the order to power off,
// or when nobody can be reached; and an error when it never served.
func Run(ctx context.Context, o Options) error {
	if err := o.Clock.Sleep(ctx, o.Delay); err != nil {
		return fmt.Errorf("waiting for the artificial boot time: %w", err)
	}
	key := o.Random.Token(keyBytes)
	sum := sha256.Sum256([]byte(key))
	o.Hello.KeyHash = hex.EncodeToString(sum[:])
	welcome, err := sayHello(ctx, o)
	if err != nil {
		return err
	}
	a := &agent{options: o, contact: newContact(o, key), state: newState(o, welcome)}
	return a.serve(ctx)
}

type agent struct {
	options Options
	contact *contact
	state   state
	left    bool
}

func newState(o Options, w agentapi.Welcome) state {
	now := o.Clock.Now()
	lease := time.Duration(w.LeaseSeconds) * time.Second
	const stopBefore = 4 // the listener is stopped a quarter of the lease before its end: 45 of 60 s
	s := state{
		limits: o.Limits, listener: agentapi.ListenerNone, renewed: now, stopAfter: lease - lease/stopBefore,
	}
	s.phase(phaseBoot, o.Hello.Booted, "")
	s.phase(phaseHello, now, "")
	if !o.Folder.At.IsZero() {
		s.phase(phaseFolder, o.Folder.At, o.Folder.Detail)
	}
	return s
}

// serve is the loop: one goroutine, one event at a time.
func (a *agent) serve(ctx context.Context) error {
	defer a.contact.close()
	ticker := time.NewTicker(watchInterval) //nolint:forbidigo // a real process; its tests run on synctest's clock
	defer ticker.Stop()
	for !a.left {
		a.contact.pollIfDue(ctx, &a.state)
		select {
		case <-ctx.Done():
			a.apply(ctx, refusedByServer{"the machine is shutting down"})
			if !a.left { // a shutdown does not wait for a job
				a.perform(ctx, sendSignal{Kill})
				a.perform(ctx, keepLogs{})
			}
			return nil
		case answer := <-a.contact.answers:
			a.answered(ctx, answer)
		case h := <-a.options.Runner.Happenings():
			a.happened(ctx, h)
		case <-ticker.C:
			a.observe(ctx)
			a.apply(ctx, passed{})
		}
	}
	return nil
}

func (a *agent) answered(ctx context.Context, answer answer) {
	a.contact.settle(answer)
	switch {
	case answer.err == nil:
		if answer.orders.Command == agentapi.CommandStop {
			a.observe(ctx) // a worker may have started since the last look
		}
		a.apply(ctx, ordered{answer.orders, answer.begun})
	case errors.Is(answer.err, agentapi.ErrRefused):
		a.options.Logger.WarnContext(ctx, "the control plane refuses this machine", "error", answer.err)
		a.apply(ctx, refusedByServer{answer.err.Error()})
	case errors.Is(answer.err, context.Canceled): // given up for news
	default:
		a.options.Logger.WarnContext(ctx, "polling the control plane", "error", answer.err)
	}
}

func (a *agent) happened(ctx context.Context, h Happening) {
	a.observe(ctx)
	if !h.Exited {
		a.apply(ctx, listenerSaid{h.Saying})
		return
	}
	a.apply(ctx, listenerExited{h.Code})
}

func (a *agent) observe(ctx context.Context) {
	o, err := a.options.Runner.Observe()
	if err != nil {
		a.options.Logger.WarnContext(ctx, "looking at the runner's processes", "error", err)
		return
	}
	a.apply(ctx, observed{o})
}

// apply decides and carries out, until nothing follows any more.
func (a *agent) apply(ctx context.Context, e event) {
	before := a.state
	next, actions := decide(a.state, e, a.options.Clock.Now())
	a.state = next
	if before.listener != next.listener || before.stage != next.stage || before.workerRunning != next.workerRunning {
		a.options.Logger.InfoContext(ctx, "state", "runner", next.assignment.Runner, "listener", string(next.listener),
			"worker", next.workerRunning, "stopping", next.stopping)
	}
	for _, act := range actions {
		if follows := a.perform(ctx, act); follows != nil {
			a.apply(ctx, follows)
		}
	}
}

// perform carries one action out and returns the event that it led to.
func (a *agent) perform(ctx context.Context, act action) event {
	switch act := act.(type) {
	case startListener:
		if err := a.options.Runner.Start(act.assignment); err != nil {
			a.options.Logger.ErrorContext(ctx, "starting the listener", "error", err)
			return startFailed{err.Error()}
		}
	case sendSignal:
		if err := a.options.Runner.Signal(act.signal); err != nil {
			a.options.Logger.WarnContext(ctx, "signalling the listener", "error", err)
		}
	case keepLogs:
		tail, err := a.options.Runner.KeepLogs()
		if err != nil {
			a.options.Logger.WarnContext(ctx, "keeping the runner's logs", "error", err)
		}
		return logsKept{tail}
	case report:
		a.contact.news()
	case leave:
		a.options.Logger.InfoContext(ctx, "leaving", "reason", act.reason)
		a.left = true
	}
	return nil
}
