package local_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

var site = fleet.Site{Environment: "default", Region: "local"}

// controlPlane answers the agents of one provider by a script for each instance.
type controlPlane struct {
	t *testing.T

	mu       sync.Mutex
	provider *local.Provider
	keys     map[string]string // key hash to instance
	orders   map[string]agentapi.Orders
	reports  map[string]agentapi.Report
	changed  chan struct{}
}

func newControlPlane(t *testing.T) (*controlPlane, string) {
	t.Helper()
	c := &controlPlane{
		t: t, keys: map[string]string{}, orders: map[string]agentapi.Orders{}, reports: map[string]agentapi.Report{},
		changed: make(chan struct{}),
	}
	server := httptest.NewServer(agentapi.NewHandler(c, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return c, server.URL
}

func (c *controlPlane) Hello(ctx context.Context, h agentapi.Hello) (agentapi.Welcome, error) {
	c.mu.Lock()
	p := c.provider
	c.mu.Unlock()
	if p == nil {
		return agentapi.Welcome{}, fmt.Errorf("not ready")
	}
	who, err := p.Verify(ctx, h)
	if err != nil {
		return agentapi.Welcome{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[h.KeyHash] = who.Instance
	c.notify()
	return agentapi.Welcome{Machine: who.Instance, LeaseSeconds: 60, RenewSeconds: 20}, nil
}

func (c *controlPlane) Poll(ctx context.Context, key string, r agentapi.Report) (agentapi.Orders, error) {
	c.mu.Lock()
	instance := c.keys[hash(key)]
	if instance == "" {
		c.mu.Unlock()
		return agentapi.Orders{}, agentapi.ErrRefused
	}
	if r.Sequence > c.reports[instance].Sequence { // a poll that was given up may arrive after its successor
		c.reports[instance] = r
		c.notify()
	}
	for {
		o := c.orders[instance]
		done := o.Command == "" || o.Assignment != nil && o.Assignment.Runner == r.Runner
		changed := c.changed
		c.mu.Unlock()
		if !done {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return agentapi.Orders{}, ctx.Err()
		case <-changed:
		}
		c.mu.Lock()
	}
}

func (c *controlPlane) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *controlPlane) order(instance string, o agentapi.Orders) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders[instance] = o
	c.notify()
}

// await returns the first report of an instance that is as wanted.
func (c *controlPlane) await(instance, what string, wanted func(agentapi.Report) bool) agentapi.Report {
	c.t.Helper()
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		c.mu.Lock()
		r, ok := c.reports[instance]
		changed := c.changed
		c.mu.Unlock()
		if ok && wanted(r) {
			return r
		}
		select {
		case <-changed:
		case <-ctx.Done():
			c.t.Fatalf("%s never was %s; its last report is %+v\n%s", instance, what, r, c.console(instance))
		}
	}
}

func (c *controlPlane) console(instance string) []byte {
	c.mu.Lock()
	p := c.provider
	c.mu.Unlock()
	log, err := p.ConsoleLog(context.Background(), site, instance)
	if err != nil {
		return []byte(err.Error())
	}
	return log
}

func assign(runner, script string) agentapi.Orders {
	return agentapi.Orders{Command: agentapi.CommandAssign, Assignment: &agentapi.Assignment{
		Runner: runner, JITConfig: script, MaxRuntime: time.Hour,
	}}
}

// rig is a provider with its control plane.
type rig struct {
	*controlPlane
	options local.Options
}

func newRig(t *testing.T, change func(*local.Options)) *rig {
	t.Helper()
	c, url := newControlPlane(t)
	o := local.Options{
		Dir: filepath.Join(t.TempDir(), "machines"), AgentPath: os.Getenv(agentVariable), ServerURL: url, Slots: 3,
		RunnerDir: func(context.Context) (string, error) { return "", nil },
		Logger:    slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	runner := installRunner(t)
	o.RunnerDir = func(context.Context) (string, error) { return runner, nil }
	if change != nil {
		change(&o)
	}
	r := &rig{controlPlane: c, options: o}
	r.open(t)
	t.Cleanup(func() { r.close(t) })
	return r
}

// open starts the provider, or starts it again.
func (r *rig) open(t *testing.T) {
	t.Helper()
	p, err := local.New(t.Context(), r.options)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.provider = p
}

// close ends all machines, and the provider.
func (r *rig) close(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	all, err := r.provider.List(ctx, site)
	if err != nil {
		t.Error(err)
	}
	for _, i := range all {
		if err := r.provider.Terminate(ctx, site, []string{i.ID}); err != nil {
			t.Error(err)
		}
	}
	if err := r.provider.Close(); err != nil {
		t.Error(err)
	}
}

func (r *rig) launch(t *testing.T, id string, count int) []string {
	t.Helper()
	a, err := r.provider.Launch(t.Context(), provider.Request{LaunchID: id, Site: site, Count: count})
	if err != nil || len(a.Instances) != count {
		t.Fatalf("Launch = %+v, %v, want %d instances", a, err, count)
	}
	var ids []string
	for _, i := range a.Instances {
		ids = append(ids, i.ID)
	}
	return ids
}

// run runs a script as a job and returns what it said.
func (r *rig) run(t *testing.T, instance, script string) string {
	t.Helper()
	r.order(instance, assign("runner-"+instance, script))
	r.await(instance, "done", func(r agentapi.Report) bool { return r.Done })
	said, err := os.ReadFile(filepath.Join(r.provider.LogFolder(instance), "Worker_1.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// installRunner makes an installation whose listener and worker are this test binary.
func installRunner(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "installed")
	if err := os.MkdirAll(filepath.Join(folder, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	first := filepath.Join(folder, "bin", "Runner.Listener")
	target, err := os.OpenFile(first, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(first, filepath.Join(folder, "bin", "Runner.Worker")); err != nil {
		t.Fatal(err)
	}
	return folder
}
