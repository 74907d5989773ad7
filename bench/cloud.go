package main

import (
	"cmp"
	"context"
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

// launchTakes is how long a launch call takes in the slow case, as EC2's often does.
const launchTakes = time.Second

// start is the start of one launch call.
type launchStart struct {
	at    time.Time
	count int
}

// cloud is the provider: it has room for everything and its machines are goroutines, or nothing at all.
type cloud struct {
	clock  seam.Clock
	w      *world
	takes  time.Duration
	agents bool

	mu        sync.Mutex
	starts    []launchStart
	launched  int
	changed   chan struct{} // closed and replaced at each start of a call
	instances map[string]provider.Instance
	launches  map[string][]string
	cancels   []context.CancelFunc
	running   sync.WaitGroup
	ended     bool
	working   int // agents whose worker has started
}

func newCloud(clock seam.Clock, w *world, slow, agents bool) *cloud {
	c := &cloud{
		clock: clock, w: w, agents: agents, instances: map[string]provider.Instance{}, launches: map[string][]string{}, changed: make(chan struct{}),
	}
	if slow {
		c.takes = launchTakes
	}
	return c
}

// Launch implements provider.Provider.
func (c *cloud) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	c.began(r)
	if c.takes > 0 {
		if err := c.clock.Sleep(ctx, c.takes); err != nil {
			return provider.Answer{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, repeated := c.launches[r.LaunchID]; !repeated {
		c.create(r)
	}
	var a provider.Answer
	for _, id := range c.launches[r.LaunchID] {
		a.Instances = append(a.Instances, c.instances[id])
	}
	return a, nil
}

// began notes the start of a call.
func (c *cloud) began(r provider.Request) {
	at := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starts = append(c.starts, launchStart{at, r.Count})
	c.launched += r.Count
	c.notify()
}

func (c *cloud) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// create makes a launch's instances. The lock is held.
func (c *cloud) create(r provider.Request) {
	for range r.Count {
		id := fmt.Sprintf("b-%08d", len(c.instances))
		c.instances[id] = provider.Instance{
			ID: id, LaunchID: r.LaunchID, Site: r.Site, State: provider.Running, Type: "bench", Market: r.Market, Launched: c.clock.Now(),
		}
		c.launches[r.LaunchID] = append(c.launches[r.LaunchID], id)
		if c.agents && !c.ended {
			ctx, cancel := context.WithCancel(context.Background())
			c.cancels = append(c.cancels, cancel)
			c.running.Go(func() { (&machine{cloud: c, id: id}).run(ctx) })
		}
	}
}

// await waits until done, which is called under the lock whenever something has changed.
func (c *cloud) await(ctx context.Context, done func() bool) error {
	for {
		c.mu.Lock()
		over, changed := done(), c.changed
		c.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// worker notes that a job runs.
func (c *cloud) worker() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.working++
	c.notify()
}

// end ends all agents.
func (c *cloud) end() {
	c.mu.Lock()
	c.ended = true
	for _, cancel := range c.cancels {
		cancel()
	}
	c.mu.Unlock()
	c.running.Wait()
}

// Terminate implements provider.Provider.
func (c *cloud) Terminate(_ context.Context, _ fleet.Site, ids []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if i, known := c.instances[id]; known {
			i.State = provider.Terminated
			c.instances[id] = i
		}
	}
	return nil
}

// List implements provider.Provider.
func (c *cloud) List(context.Context, fleet.Site) ([]provider.Instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]provider.Instance, 0, len(c.instances))
	for _, i := range c.instances {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b provider.Instance) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Free implements provider.Provider.
func (c *cloud) Free(context.Context, fleet.Site, fleet.Spec) (int, error) {
	return provider.Unlimited, nil
}

// ConsoleLog implements provider.Provider.
func (c *cloud) ConsoleLog(context.Context, fleet.Site, string) ([]byte, error) { return nil, nil }

// Verify implements controller.Verifier.
func (c *cloud) Verify(_ context.Context, h agentapi.Hello) (controller.Identity, error) {
	id, _ := strings.CutPrefix(h.Token, tokenPrefix)
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.instances[id]
	if !known {
		return controller.Identity{}, agentapi.ErrRefused
	}
	return controller.Identity{Site: i.Site, Instance: i.ID, Launch: i.LaunchID}, nil
}

const tokenPrefix = "token of "
