package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// load reads what earlier servers left and adopts every agent that still runs.
func (p *Provider) load(ctx context.Context) error {
	if err := p.loadLaunches(); err != nil {
		return err
	}
	folders, err := os.ReadDir(filepath.Join(p.options.Dir, instancesFolder))
	if err != nil {
		return fmt.Errorf("listing earlier machines: %w", err)
	}
	for _, folder := range folders {
		if err := p.loadMachine(ctx, folder.Name()); err != nil {
			return fmt.Errorf("adopting machine %s: %w", folder.Name(), err)
		}
	}
	return p.settleLaunches()
}

func (p *Provider) loadLaunches() error {
	files, err := os.ReadDir(filepath.Join(p.options.Dir, launchesFolder))
	if err != nil {
		return fmt.Errorf("listing earlier launches: %w", err)
	}
	for _, file := range files {
		id, isLaunch := strings.CutSuffix(file.Name(), ".json")
		if !isLaunch { // what a crash left of a write
			if err := os.Remove(filepath.Join(p.options.Dir, launchesFolder, file.Name())); err != nil {
				return fmt.Errorf("removing an unfinished file: %w", err)
			}
			continue
		}
		l := new(launch)
		if err := readJSON(p.launchFile(id), l); err != nil {
			return err
		}
		p.launches[id] = l
	}
	return nil
}

func (p *Provider) loadMachine(ctx context.Context, id string) error {
	m := &machine{gone: make(chan struct{})}
	err := readJSON(filepath.Join(p.instanceFolder(id), stateFile), &m.record)
	if errors.Is(err, os.ErrNotExist) { // the server ended before it had begun to start this one
		return removeTree(p.instanceFolder(id))
	}
	if err != nil {
		return err
	}
	p.machines[id] = m
	r := &m.record
	switch {
	case !r.Ended.IsZero():
		close(m.gone)
		p.cleanUp(ctx, r) // an earlier server may have ended before it had
		return nil
	case r.Process.PID == 0:
		r.Instance.Reason = "the server ended while it started this machine"
	default:
		if m.handle, err = p.adopt(r.Process); err != nil {
			return err
		}
	}
	if m.handle == nil {
		p.ended(ctx, m, "")
		return nil
	}
	p.options.Logger.InfoContext(ctx, "adopted a running machine", "instance", id, "pid", r.Process.PID)
	p.watch(ctx, m)
	return nil
}

// adopt returns a handle of exactly the process that the state file names, nil if it has ended.
func (p *Provider) adopt(want process) (*handle, error) {
	if want.Boot != p.bootID {
		return nil, nil //nolint:nilnil // no process is no error
	}
	h, err := openHandle(want.PID, nil)
	if err != nil {
		if _, running := startTicks(want.PID); running {
			return nil, err
		}
		return nil, nil //nolint:nilnil // as above
	}
	// Only now does the descriptor hold whichever process has the number.
	if ticks, running := startTicks(want.PID); !running || ticks != want.Start {
		return nil, h.close()
	}
	return h, nil
}

// settleLaunches counts what was planned and never started as an error, so that the counts of each answer add up.
func (p *Provider) settleLaunches() error {
	for id, l := range p.launches {
		changed := false
		for _, instance := range slices.Clone(l.Instances) {
			m := p.machines[instance]
			if m == nil && p.options.Clock.Now().Sub(l.At) >= max(p.options.KeepLogs, listEnded) {
				continue // forgotten in time
			}
			if m == nil || m.record.Process.PID == 0 {
				p.notStarted(l, instance, codeInterrupted, "the server ended before it had started this machine")
				changed = true
			}
		}
		if changed {
			if err := writeJSON(p.launchFile(id), l); err != nil {
				return fmt.Errorf("settling launch %s: %w", id, err)
			}
		}
	}
	return nil
}

// state of an instance that says hello for the first time.
const afterHello = provider.Running
