package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// watch waits for the end of a machine's process and clears up after it.
func (p *Provider) watch(ctx context.Context, m *machine) {
	ctx = context.WithoutCancel(ctx)
	p.watchers.Go(func() {
		if err := m.handle.wait(); err != nil {
			return // closed: the next server will look after it
		}
		how := m.handle.reap()
		p.ended(ctx, m, how)
	})
}

// ended notes the end of a machine, and then removes all but its logs.
func (p *Provider) ended(ctx context.Context, m *machine, how string) {
	p.noteEnd(ctx, m, how)
	close(m.gone)
	p.cleanUp(ctx, &m.record)
}

func (p *Provider) noteEnd(ctx context.Context, m *machine, how string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.handle != nil {
		if err := m.handle.close(); err != nil {
			p.options.Logger.WarnContext(ctx, "closing a machine's process", "error", err)
		}
		m.handle = nil
	}
	r := &m.record
	if r.Instance.Reason == "" {
		r.Instance.Reason = p.reason(r, how)
	}
	r.Instance.State, r.Ended = provider.Terminated, p.options.Clock.Now()
	p.options.Logger.InfoContext(ctx, "machine ended", "instance", r.Instance.ID, "reason", r.Instance.Reason)
	if err := p.saveRecord(r); err != nil {
		p.options.Logger.WarnContext(ctx, "noting a machine's end", "instance", r.Instance.ID, "error", err)
	}
}

// cleanUp removes what an ended machine needs no more. It takes no lock, since a workspace can be large, and reads only
// what never changes.
func (p *Provider) cleanUp(ctx context.Context, r *record) {
	p.removeGroups(ctx, r)
	if err := removeTree(filepath.Join(p.instanceFolder(r.Instance.ID), ownFolder)); err != nil {
		p.options.Logger.WarnContext(ctx, "removing a machine's folder", "instance", r.Instance.ID, "error", err)
	}
}

// reason says why a machine ended by itself: one that never said hello has written the cause into its boot log.
func (p *Provider) reason(r *record, how string) string {
	if how == "" {
		how = "ended while no server watched"
	}
	if r.KeyHash != "" {
		return "the agent ended: " + how
	}
	const enough = 2 << 10
	log, err := tailOf(filepath.Join(p.instanceFolder(r.Instance.ID), bootLog), enough)
	if err != nil {
		return "the agent ended before its hello: " + how
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return fmt.Sprintf("the agent ended before its hello: %s: %s", how, lines[len(lines)-1])
}

// signal reaches a machine's agent. Its process cannot be closed meanwhile: the lock is held.
func (p *Provider) signal(m *machine, s unix.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.handle == nil {
		return nil
	}
	return m.handle.signal(s)
}

// end kills a machine and waits until nothing of it runs.
func (p *Provider) end(ctx context.Context, m *machine) error {
	ctx, cancel := p.options.Clock.WithTimeout(ctx, endTimeout)
	defer cancel()
	if m.record.Isolation == noIsolation {
		return p.endTree(ctx, m)
	}
	// The agent is process 1 of its namespace: the kernel ends all others with it, before it is seen to have ended.
	if err := p.signal(m, unix.SIGKILL); err != nil {
		return err
	}
	return waitGone(ctx, m)
}

func waitGone(ctx context.Context, m *machine) error {
	select {
	case <-m.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for its processes to end: %w", ctx.Err())
	}
}

// endTree ends a machine that has no namespace: its agent is asked first, so that it ends its listener; then every
// descendant that can still be found is killed. One that has left its parents is out of reach, which is why isolation is
// not given up by itself.
func (p *Provider) endTree(ctx context.Context, m *machine) error {
	family := descendants(m.record.Process.PID)
	const grace = 3 * time.Second
	if err := p.signal(m, unix.SIGTERM); err != nil {
		return err
	}
	patience, cancel := p.options.Clock.WithTimeout(ctx, grace)
	err := waitGone(patience, m)
	cancel()
	if err != nil {
		if err := p.signal(m, unix.SIGKILL); err != nil {
			return err
		}
	}
	for pid, ticks := range family {
		if now, ok := startTicks(pid); ok && now == ticks {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("killing process %d of the job: %w", pid, err)
			}
		}
	}
	return waitGone(ctx, m)
}

// descendants returns the processes below pid with their start times.
func descendants(pid int) map[int]uint64 {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		if err != nil {
			continue
		}
		rest, _ := afterLast(string(b), ")")
		if fields := strings.Fields(rest); len(fields) > 1 {
			if parent, err := strconv.Atoi(fields[1]); err == nil {
				children[parent] = append(children[parent], id)
			}
		}
	}
	family := map[int]uint64{}
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		if ticks, ok := startTicks(queue[0]); ok {
			family[queue[0]] = ticks
		}
		queue = append(queue, children[queue[0]]...)
	}
	return family
}

// removeTree removes a folder whose owner may have taken its own rights away.
func removeTree(path string) error {
	if os.RemoveAll(path) == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, _ error) error { // what stays unreadable shows below
		if entry != nil && entry.IsDir() {
			return os.Chmod(name, 0o700) //nolint:gosec // folders need it, and it is about to go
		}
		return nil
	})
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("removing a folder: %w", err)
	}
	return nil
}
