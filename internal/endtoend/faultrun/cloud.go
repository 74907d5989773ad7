package faultrun

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/host"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// cloud is where machines come from: it is served to the servers as a host is, makes most machines itself, and has the
// others made by a real host.
type cloud struct {
	clock   seam.Clock
	crypto  seam.Random
	life    context.Context //nolint:containedctx // the run's, which ends all agents
	servers string          // where agents say hello
	client  *http.Client    // of listeners
	host    *host.Client
	// hostData is the host's data directory, where it says which processes its machines are.
	hostData string
	real     float64 // the part of machines that the host makes
	judge    *judge
	agents   sync.WaitGroup

	mu       sync.Mutex
	random   *rand.Rand
	launches map[string]*launch
	machines map[string]*machine
	tokens   map[string]*machine
}

var _ host.Machines = (*cloud)(nil)

// launch is what a launch came to.
type launch struct {
	request provider.Request
	frozen  []byte
	calls   int
	real    int
	ids     []string
	failed  []provider.LaunchError
}

// What is done to machines.
const (
	faultKilled = "killed with its instance"
	faultSilent = "killed, and the instance stayed"
	faultReal   = "killed, a process of its own"
)

// showEnded is how long an instance is listed after its end.
const showEnded = 10 * time.Minute

func newCloud(life context.Context, clock seam.Clock, seed uint64, part float64, j *judge) *cloud {
	return &cloud{
		clock: clock, crypto: seam.Crypto{}, life: life, real: part, judge: j, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
		random:   rand.New(rand.NewPCG(seed, streamCloud)), //nolint:gosec // a run that can be repeated
		launches: map[string]*launch{}, machines: map[string]*machine{}, tokens: map[string]*machine{},
	}
}

// between draws a duration. The lock is held.
func (c *cloud) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.random.Int64N(int64(high-low)))
}

// takes draws how long a machine's listeners take to connect, and their jobs.
func (c *cloud) takes(seed uint64) func() (connect, job time.Duration) {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a run that can be repeated
	return func() (connect, job time.Duration) {
		return 100*time.Millisecond + rand1(random, time.Second), time.Second + rand1(random, 7*time.Second)
	}
}

func rand1(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most)))
}

// Launch implements provider.Provider.
func (c *cloud) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	l, err := c.begin(r)
	if err != nil {
		return provider.Answer{}, err
	}
	c.mu.Lock()
	delay := c.between(50*time.Millisecond, 800*time.Millisecond)
	c.mu.Unlock()
	if err := c.clock.Sleep(ctx, delay); err != nil {
		return provider.Answer{}, err
	}
	if l.real > 0 {
		part := r
		part.Count = l.real
		answer, err := c.host.Launch(ctx, part)
		if err != nil {
			return provider.Answer{}, err
		}
		c.adopt(l, answer)
	}
	return c.answer(l), nil
}

// begin makes a launch's machines once.
func (c *cloud) begin(r provider.Request) (*launch, error) {
	frozen, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("reading a launch: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.launches[r.LaunchID]
	if l == nil {
		l = &launch{request: r, frozen: frozen}
		c.launches[r.LaunchID] = l
		for range r.Count {
			if c.random.Float64() < c.real {
				l.real++
			}
		}
		for range r.Count - l.real {
			c.make(l)
		}
	}
	l.calls++
	if !bytes.Equal(frozen, l.frozen) {
		c.judge.violated("OneFleetPerLaunch", "launch %s was repeated with other bytes: %s, before %s", r.LaunchID, frozen, l.frozen)
		return nil, provider.ErrTokenReused
	}
	return l, nil
}

// make makes one instance. The lock is held.
func (c *cloud) make(l *launch) {
	id := fmt.Sprintf("v-%08d", len(c.machines)+1)
	m := &machine{token: c.crypto.Token(32), inst: provider.Instance{ //nolint:mnd // bytes that nobody guesses
		ID: id, LaunchID: l.request.LaunchID, Site: l.request.Site, State: provider.Running, Type: "in-process", Market: l.request.Market,
		Launched: c.clock.Now(),
	}}
	c.machines[id], c.tokens[m.token] = m, m
	l.ids = append(l.ids, id)
	c.boot(m)
}

// adopt takes over what the host has made.
func (c *cloud) adopt(l *launch, a provider.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.failed = a.Errors
	for _, i := range a.Instances {
		if c.machines[i.ID] == nil {
			c.machines[i.ID] = &machine{real: true, inst: i}
			l.ids = append(l.ids, i.ID)
		}
	}
}

func (c *cloud) answer(l *launch) provider.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := provider.Answer{Errors: l.failed}
	for _, id := range l.ids {
		a.Instances = append(a.Instances, c.machines[id].inst)
	}
	return a
}

// Terminate implements provider.Provider.
func (c *cloud) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	var atHost []string
	for _, id := range ids {
		c.mu.Lock()
		m := c.machines[id]
		struck := m != nil && m.fault != ""
		c.mu.Unlock()
		if m == nil || m.real {
			atHost = append(atHost, id)
		}
		if !struck { // what GitHub takes for running on one that was killed does not run
			c.judge.terminates(m, id)
		}
		if m == nil || m.real {
			continue
		}
		c.mu.Lock()
		c.finish(m, "terminated")
		c.mu.Unlock()
	}
	if len(atHost) == 0 {
		return nil
	}
	return c.host.Terminate(ctx, site, atHost)
}

// List implements provider.Provider.
func (c *cloud) List(ctx context.Context, site fleet.Site) ([]provider.Instance, error) {
	atHost, err := c.host.List(ctx, site)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	out := make([]provider.Instance, 0, len(c.machines))
	for _, i := range atHost {
		if m := c.machines[i.ID]; m != nil {
			m.inst = i
			if m.ended.IsZero() && !i.State.Live() {
				m.ended = now
			}
		}
		out = append(out, i)
	}
	for _, id := range slices.Sorted(maps.Keys(c.machines)) {
		if m := c.machines[id]; !m.real && m.inst.Site == site && (m.ended.IsZero() || now.Sub(m.ended) < showEnded) {
			out = append(out, m.inst)
		}
	}
	return out, nil
}

// Free implements provider.Provider.
func (c *cloud) Free(context.Context, fleet.Site, fleet.Spec) (int, error) {
	return provider.Unlimited, nil
}

// ConsoleLog implements provider.Provider.
func (c *cloud) ConsoleLog(ctx context.Context, site fleet.Site, id string) ([]byte, error) {
	c.mu.Lock()
	m := c.machines[id]
	c.mu.Unlock()
	if m != nil && !m.real {
		return []byte("a machine of the fault run\n"), nil
	}
	return c.host.ConsoleLog(ctx, site, id)
}

// Verify says whose hello it is.
func (c *cloud) Verify(ctx context.Context, h agentapi.Hello) (host.Identity, error) {
	c.mu.Lock()
	m := c.tokens[h.Token]
	if m != nil {
		m.hellos++
		defer c.mu.Unlock()
		if !m.inst.State.Live() {
			return host.Identity{}, fmt.Errorf("%w: the instance has ended", agentapi.ErrRefused)
		}
		return host.Identity{Site: m.inst.Site, Instance: m.inst.ID, Launch: m.inst.LaunchID}, nil
	}
	c.mu.Unlock()
	return c.host.Verify(ctx, h)
}

// killAgent kills the agent of a machine drawn at random, with its listener and its worker; stays says whether the
// instance is still there afterwards. Of a real machine the process is killed. It returns what was done, empty for nothing.
func (c *cloud) killAgent(draw uint64, stays bool) (what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var live []*machine
	for _, id := range slices.Sorted(maps.Keys(c.machines)) {
		if m := c.machines[id]; m.inst.State.Live() && m.fault == "" && (m.real || m.hellos > 0) {
			live = append(live, m)
		}
	}
	if len(live) == 0 {
		return ""
	}
	m := live[draw%uint64(len(live))]
	switch {
	case m.real:
		if !c.killProcess(m.inst.ID) {
			return ""
		}
		m.fault = faultReal
	case stays:
		m.fault = faultSilent
		m.end()
	default:
		m.fault = faultKilled
		c.finish(m, "Server.SpotInstanceTermination")
	}
	return m.fault
}

// killProcess kills the agent of one of the host's machines, as a power cut would.
func (c *cloud) killProcess(id string) bool {
	var state struct {
		Process struct {
			PID int `json:"pid"`
		} `json:"process"`
	}
	content, err := os.ReadFile(filepath.Join(c.hostData, "machines", "instances", id, "state.json"))
	if err != nil || json.Unmarshal(content, &state) != nil || state.Process.PID == 0 {
		return false
	}
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", state.Process.PID))
	if err != nil || !strings.HasSuffix(program, "runs-fleet-agent") {
		return false // it has ended, or not begun
	}
	return syscall.Kill(state.Process.PID, syscall.SIGKILL) == nil
}

// alive counts instances.
func (c *cloud) alive() (inProcess, processes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.machines {
		switch {
		case !m.inst.State.Live():
		case m.real:
			processes++
		default:
			inProcess++
		}
	}
	return inProcess, processes
}

// aliveIDs lists them.
func (c *cloud) aliveIDs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, id := range slices.Sorted(maps.Keys(c.machines)) {
		if c.machines[id].inst.State.Live() {
			out = append(out, id)
		}
	}
	return out
}

// instanceOf reads from a runner's name, rf-FLEET-INSTANCE-N, which instance it is of; empty if it is none of ours.
func instanceOf(runner string) string {
	rest, ours := strings.CutPrefix(runner, "rf-")
	_, rest, fleets := strings.Cut(rest, "-")
	at := strings.LastIndex(rest, "-")
	if !ours || !fleets || at < 0 {
		return ""
	}
	return rest[:at]
}
