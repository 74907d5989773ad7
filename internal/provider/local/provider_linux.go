package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Provider starts, adopts and ends agents on this machine.
type Provider struct {
	options   Options
	isolation boot.Isolation
	users     []int // by slot; only with userIsolation
	bootID    string

	mu       sync.Mutex // guards all below, and is held while processes start
	machines map[string]*machine
	launches map[string]*launch
	ungroup  sync.Once // says once that control groups cannot be made
	watchers sync.WaitGroup
	closed   bool
}

// machine is an instance in memory.
type machine struct {
	record record
	handle *handle       // of its process; nil once it has ended
	gone   chan struct{} // closed once everything of it has ended
}

func (m *machine) live() bool { return m.record.Ended.IsZero() }

// New checks that jobs can be isolated, and adopts the agents that an earlier server left running.
func New(ctx context.Context, o Options) (*Provider, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Provider{options: o, machines: map[string]*machine{}, launches: map[string]*launch{}}
	for _, folder := range []string{"", instancesFolder, launchesFolder} {
		if err := os.MkdirAll(filepath.Join(o.Dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of local machines: %w", err)
		}
	}
	if p.options.Dir, err = filepath.EvalSymlinks(o.Dir); err != nil {
		return nil, fmt.Errorf("finding the folder of local machines: %w", err)
	}
	if p.bootID, err = readBootID(); err != nil {
		return nil, err
	}
	if p.isolation, err = p.chooseIsolation(ctx); err != nil {
		return nil, err
	}
	if p.isolation == userIsolation {
		p.users = freeUsers(o.UIDBase, o.Slots)
	}
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Isolation names how jobs are isolated: "user", "user-namespace" or "none".
func (p *Provider) Isolation() string { return string(p.isolation) }

// Close stops watching. Running agents go on; the next Provider of the folder adopts them.
func (p *Provider) Close() error {
	p.mu.Lock()
	p.closed = true
	var failures error
	for _, m := range p.machines {
		if m.handle != nil {
			failures = errors.Join(failures, m.handle.close())
		}
	}
	p.mu.Unlock()
	p.watchers.Wait()
	return failures
}

// Launch implements provider.Provider.
func (p *Provider) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	if err := p.check(r); err != nil {
		return provider.Answer{}, err
	}
	answer, known, err := p.earlier(r)
	if known || err != nil {
		return answer, err
	}
	runner, err := p.options.RunnerDir(ctx)
	if ctx.Err() != nil {
		return provider.Answer{}, fmt.Errorf("getting the runner: %w", ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return provider.Answer{}, errors.New("launching: the provider is closed")
	}
	if l, known := p.launches[r.LaunchID]; known { // a concurrent repetition was faster
		if !sameRequest(l.Request, r) {
			return provider.Answer{}, provider.ErrTokenReused
		}
		return p.answerOf(l), nil
	}
	if err != nil {
		return p.refuse(r, "RunnerUnavailable", fmt.Sprintf("getting the runner: %v", err))
	}
	return p.launch(ctx, r, runner)
}

// earlier answers a repetition.
func (p *Provider) earlier(r provider.Request) (provider.Answer, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, known := p.launches[r.LaunchID]
	if !known {
		return provider.Answer{}, false, nil
	}
	if !sameRequest(l.Request, r) {
		return provider.Answer{}, true, provider.ErrTokenReused
	}
	return p.answerOf(l), true, nil
}

// answerOf is the same for every repetition: what was started, whatever became of it, and what was not.
func (p *Provider) answerOf(l *launch) provider.Answer {
	a := provider.Answer{Errors: slices.Clone(l.Errors)}
	for _, id := range l.Instances {
		if m := p.machines[id]; m != nil {
			a.Instances = append(a.Instances, m.record.Instance)
		}
	}
	return a
}

// Terminate implements provider.Provider.
func (p *Provider) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	var waiting []*machine
	p.mu.Lock()
	for _, id := range ids {
		m := p.machines[id]
		if m == nil || m.record.Instance.Site != site || !m.live() || m.handle == nil {
			continue
		}
		m.record.Instance.State = provider.ShuttingDown
		m.record.Instance.Reason = "terminated by the control plane"
		waiting = append(waiting, m)
	}
	p.mu.Unlock()
	var failures error
	for _, m := range waiting {
		if err := p.end(ctx, m); err != nil {
			failures = errors.Join(failures, fmt.Errorf("terminating %s: %w", m.record.Instance.ID, err))
		}
	}
	return failures
}

// List implements provider.Provider.
func (p *Provider) List(ctx context.Context, site fleet.Site) ([]provider.Instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(ctx)
	var instances []provider.Instance
	for _, m := range p.machines {
		if m.record.Instance.Site == site && (m.live() || p.options.Clock.Now().Sub(m.record.Ended) < listEnded) {
			instances = append(instances, m.record.Instance)
		}
	}
	slices.SortFunc(instances, func(a, b provider.Instance) int {
		if c := a.Launched.Compare(b.Launched); c != 0 {
			return c
		}
		return compareStrings(a.ID, b.ID)
	})
	return instances, nil
}

// Free implements provider.Provider: slots are shared by all sites of this machine.
func (p *Provider) Free(_ context.Context, _ fleet.Site, spec fleet.Spec) (int, error) {
	if p.checkPlatform(spec) != nil {
		return 0, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.freeSlots()), nil
}

// ConsoleLog implements provider.Provider.
func (p *Provider) ConsoleLog(_ context.Context, site fleet.Site, id string) ([]byte, error) {
	p.mu.Lock()
	m := p.machines[id]
	known := m != nil && m.record.Instance.Site == site
	p.mu.Unlock()
	if !known {
		return nil, nil
	}
	const most = 64 << 10
	return tailOf(filepath.Join(p.instanceFolder(id), bootLog), most)
}

// LogFolder returns where the logs of an instance are kept, empty if there are none.
func (p *Provider) LogFolder(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machines[id] == nil {
		return ""
	}
	return filepath.Join(p.instanceFolder(id), logsFolder)
}

// freeSlots lists the slots that no live machine holds.
func (p *Provider) freeSlots() []int {
	taken := make(map[int]bool, p.options.Slots)
	live := 0
	for _, m := range p.machines {
		if m.live() {
			taken[m.record.Slot] = true
			live++
		}
	}
	var free []int
	for slot := 0; slot < p.options.Slots && live+len(free) < p.options.Slots; slot++ {
		if !taken[slot] {
			free = append(free, slot)
		}
	}
	return free
}

// forget removes what was kept for its time. It runs with each listing, which the control plane does anyway.
func (p *Provider) forget(ctx context.Context) {
	now := p.options.Clock.Now()
	for id, m := range p.machines {
		if m.live() || now.Sub(m.record.Ended) < max(p.options.KeepLogs, listEnded) {
			continue
		}
		if err := os.RemoveAll(p.instanceFolder(id)); err != nil {
			p.options.Logger.WarnContext(ctx, "removing old logs", "instance", id, "error", err)
			continue
		}
		delete(p.machines, id)
	}
	for id, l := range p.launches {
		unknown := func(id string) bool { return p.machines[id] == nil }
		if now.Sub(l.At) < max(p.options.KeepLogs, listEnded) || !all(l.Instances, unknown) {
			continue
		}
		if err := os.Remove(p.launchFile(id)); err != nil {
			p.options.Logger.WarnContext(ctx, "removing an old launch", "launch", id, "error", err)
			continue
		}
		delete(p.launches, id)
	}
}

func all(ids []string, is func(string) bool) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !is(id) })
}

func compareStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func tailOf(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the console log: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the console log: %w", err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
	if err != nil {
		return nil, fmt.Errorf("reading the console log: %w", err)
	}
	return b, nil
}

// endTimeout is how long the kernel may take to end the processes of a namespace; ms are usual.
const endTimeout = 10 * time.Second

var _ provider.Provider = (*Provider)(nil)
