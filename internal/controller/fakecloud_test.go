package controller_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// fakeCloud launches agents that live in the bubble. It refuses what a provider refuses: a token with other bytes.
type fakeCloud struct {
	w     *world
	clock seam.Clock

	mu        sync.Mutex
	machines  []*fakeMachine
	requests  map[string]string
	capacity  int
	boot      time.Duration
	launches  int      // calls
	counts    []int    // of the first call of each launch
	pools     []string // whose machines it made
	created   int
	dropNext  int  // answers that are lost after success
	failNext  int  // places that fail
	neverBoot bool // agents never say hello
	stubborn  bool // no listener ever connects
	console   string
	runnerLog string // what agents report of the runner's own log
}

type fakeMachine struct {
	cloud  *fakeCloud
	inst   provider.Instance
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	hung   bool   // the agent says nothing more; its worker goes on
	worker string // the runner whose worker runs
}

func newFakeCloud(w *world) *fakeCloud {
	return &fakeCloud{w: w, clock: seam.System{}, requests: map[string]string{}, capacity: 1000, boot: 300 * time.Millisecond}
}

// set changes a switch.
func (c *fakeCloud) set(f func(c *fakeCloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// is reads a switch.
func (c *fakeCloud) is(f func(c *fakeCloud) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f(c)
}

func (c *fakeCloud) Launch(_ context.Context, r provider.Request) (provider.Answer, error) {
	frozen, _ := json.Marshal(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.launches++
	if was, used := c.requests[r.LaunchID]; used {
		if was != string(frozen) {
			return provider.Answer{}, provider.ErrTokenReused
		}
		return c.answer(r), nil
	}
	c.requests[r.LaunchID] = string(frozen)
	c.counts = append(c.counts, r.Count)
	c.pools = append(c.pools, r.Pool)
	failed := min(c.failNext, r.Count)
	c.failNext -= failed
	for range min(r.Count-failed, c.capacity-c.runningLocked()) {
		c.created++
		m := &fakeMachine{cloud: c, done: make(chan struct{}), inst: provider.Instance{
			ID: fmt.Sprintf("m-%04d", c.created), LaunchID: r.LaunchID, Site: r.Site, State: provider.Running, Launched: c.clock.Now(),
		}}
		var ctx context.Context
		ctx, m.cancel = context.WithCancel(context.Background())
		c.machines = append(c.machines, m)
		go m.run(ctx)
	}
	if c.dropNext > 0 {
		c.dropNext--
		return provider.Answer{}, errUnknown
	}
	return c.answer(r), nil
}

func (c *fakeCloud) answer(r provider.Request) provider.Answer {
	var a provider.Answer
	for _, m := range c.machines {
		if m.inst.LaunchID == r.LaunchID {
			a.Instances = append(a.Instances, m.inst)
		}
	}
	if n := r.Count - len(a.Instances); n > 0 {
		a.Errors = []provider.LaunchError{{Code: "InsufficientInstanceCapacity", Message: "none left", Count: n}}
	}
	return a
}

func (c *fakeCloud) Terminate(_ context.Context, _ fleet.Site, ids []string) error {
	for _, id := range ids {
		c.kill(id)
	}
	return nil
}

// kill ends a machine: its agent and everything on it.
func (c *fakeCloud) kill(id string) {
	c.mu.Lock()
	i := slices.IndexFunc(c.machines, func(m *fakeMachine) bool { return m.inst.ID == id })
	if i < 0 || !c.machines[i].inst.State.Live() {
		c.mu.Unlock()
		return
	}
	m := c.machines[i]
	m.inst.State = provider.Terminated
	c.mu.Unlock()
	m.cancel()
	<-m.done
	if worked := m.works(""); worked != "" {
		c.w.github.lose(worked)
	}
}

func (c *fakeCloud) List(_ context.Context, site fleet.Site) ([]provider.Instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []provider.Instance
	for _, m := range c.machines {
		if m.inst.Site == site {
			out = append(out, m.inst)
		}
	}
	return out, nil
}

func (c *fakeCloud) Free(context.Context, fleet.Site, fleet.Spec) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.capacity - c.runningLocked(), nil
}

func (c *fakeCloud) ConsoleLog(_ context.Context, _ fleet.Site, id string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.console == "" {
		return nil, nil
	}
	return []byte(c.console + " of " + id), nil
}

func (c *fakeCloud) Verify(_ context.Context, h agentapi.Hello) (controller.Identity, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.machines {
		if "token-"+m.inst.ID == h.Token {
			return controller.Identity{Site: m.inst.Site, Instance: m.inst.ID, Launch: m.inst.LaunchID}, nil
		}
	}
	return controller.Identity{}, agentapi.ErrRefused
}

func (c *fakeCloud) running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runningLocked()
}

func (c *fakeCloud) runningLocked() int {
	n := 0
	for _, m := range c.machines {
		if m.inst.State.Live() {
			n++
		}
	}
	return n
}

// end stops every agent that is left.
func (c *fakeCloud) end() {
	c.mu.Lock()
	all := slices.Clone(c.machines)
	c.mu.Unlock()
	for _, m := range all {
		m.cancel()
		<-m.done
	}
}

func (c *fakeCloud) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out strings.Builder
	for _, m := range c.machines {
		fmt.Fprintf(&out, "instance %s %s\n", m.inst.ID, m.inst.State)
	}
	return out.String()
}

// hang makes an agent silent while its worker goes on.
func (c *fakeCloud) hang(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.machines {
		if m.inst.ID == id {
			m.mu.Lock()
			m.hung = true
			m.mu.Unlock()
		}
	}
}

// run is the agent: hello, polls, one listener, one worker.
func (m *fakeMachine) run(ctx context.Context) {
	defer close(m.done)
	c := m.cloud
	var boot time.Duration
	c.set(func(c *fakeCloud) { boot = c.boot })
	if c.clock.Sleep(ctx, boot) != nil || c.is(func(c *fakeCloud) bool { return c.neverBoot }) {
		<-ctx.Done()
		return
	}
	key := "key-" + m.inst.ID
	sum := sha256.Sum256([]byte(key))
	for {
		_, err := c.w.ctl.Hello(ctx, agentapi.Hello{Token: "token-" + m.inst.ID, KeyHash: hex.EncodeToString(sum[:])})
		if err == nil {
			break
		}
		if ctx.Err() != nil || c.clock.Sleep(ctx, time.Second) != nil {
			return
		}
	}
	m.serve(ctx, key)
}

// works notes the runner whose worker runs, and returns the one noted before.
func (m *fakeMachine) works(runner string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.worker
	m.worker = runner
	return was
}

func (m *fakeMachine) serve(ctx context.Context, key string) {
	c := m.cloud
	report := agentapi.Report{Listener: agentapi.ListenerNone}
	var job *ghJob
	for ctx.Err() == nil {
		m.mu.Lock()
		hung := m.hung
		m.mu.Unlock()
		if job != nil && c.clock.Now().Sub(job.started) >= job.duration {
			c.w.github.finish(job)
			m.works("")
			job, report.WorkerRunning, report.Done, report.Listener = nil, false, true, agentapi.ListenerStopped
			c.set(func(c *fakeCloud) { report.Diagnostics = c.runnerLog })
		}
		if hung {
			if c.clock.Sleep(ctx, 100*time.Millisecond) != nil {
				return
			}
			continue
		}
		report.Sequence++
		poll, cancel := context.WithTimeout(ctx, 100*time.Millisecond) // its own news interrupts it
		o, err := c.w.ctl.Poll(poll, key, report)
		interrupted := poll.Err() != nil
		cancel()
		if err != nil {
			if errors.Is(err, agentapi.ErrRefused) || c.clock.Sleep(ctx, 50*time.Millisecond) != nil {
				return
			}
			continue
		}
		if interrupted {
			o = agentapi.Orders{} // the answer to an abandoned poll is never acted on
		}
		switch o.Command {
		case agentapi.CommandAssign:
			if o.Assignment.JITConfig != "jit:"+o.Assignment.Runner {
				c.w.t.Errorf("JIT config %q for runner %q", o.Assignment.JITConfig, o.Assignment.Runner)
			}
			report.Runner, report.Listener = o.Assignment.Runner, agentapi.ListenerStarting
		case agentapi.CommandStop:
			if job == nil && !report.WorkerStarted {
				report.Listener = agentapi.ListenerStopped
			}
		case agentapi.CommandPowerOff:
			return
		default:
		}
		if report.Listener == agentapi.ListenerStarting && !c.is(func(c *fakeCloud) bool { return c.stubborn }) {
			report.Listener = agentapi.ListenerStopped
			if c.w.github.connect(report.Runner) {
				report.Listener = agentapi.ListenerConnected
			}
		}
		if report.Listener == agentapi.ListenerConnected && job == nil && !report.WorkerStarted {
			got, known := c.w.github.take(report.Runner)
			switch {
			case got != nil:
				job, report.WorkerStarted, report.WorkerRunning = got, true, true
				m.works(report.Runner)
			case !known:
				report.Listener = agentapi.ListenerStopped
			}
		}
	}
}

// made is how many machines were ever created.
func (c *fakeCloud) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.created
}

// alive lists the machines that live.
func (c *fakeCloud) alive() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, m := range c.machines {
		if m.inst.State.Live() {
			out = append(out, m.inst.ID)
		}
	}
	return out
}
