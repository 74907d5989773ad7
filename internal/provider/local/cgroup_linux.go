package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const groupRoot = "/sys/fs/cgroup"

// wanted are the version 1 hierarchies that a runner gets a group in.
func wanted() []string { return []string{"pids", "memory", "cpu"} }

// makeGroups makes the control groups of an instance below the server's own and returns their folders. That none can be
// made is logged once: jobs run nevertheless, but one can then take every process number of the machine.
func (p *Provider) makeGroups(ctx context.Context, id string) []string {
	if p.isolation != userIsolation {
		return nil // an unprivileged server owns no group, and a job of its own user could leave it
	}
	var made []string
	var failures error
	for _, parent := range ownGroups() {
		folder := filepath.Join(parent, "runs-fleet-"+id)
		if err := p.makeGroup(folder); err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		made = append(made, folder)
	}
	if len(made) == 0 {
		p.ungroup.Do(func() {
			if p.options.WithoutLimit != nil {
				p.options.WithoutLimit()
			}
			p.options.Logger.WarnContext(ctx, "no control group can be made: jobs run without a limit of processes", "error", failures)
		})
	}
	return made
}

func (p *Provider) makeGroup(folder string) error {
	if err := os.Mkdir(folder, 0o755); err != nil { //nolint:gosec // as the kernel makes them
		return fmt.Errorf("making a control group: %w", err)
	}
	limit := filepath.Join(folder, "pids.max")
	if _, err := os.Stat(limit); errors.Is(err, os.ErrNotExist) {
		return nil // not this hierarchy's
	}
	if err := os.WriteFile(limit, []byte(strconv.Itoa(p.options.MaxProcesses)), 0o600); err != nil {
		return errors.Join(fmt.Errorf("limiting processes: %w", err), os.Remove(folder))
	}
	return nil
}

// ownGroups returns the folders of the server's own control groups: one of version 2, or the wanted ones of version 1.
func ownGroups() []string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var folders []string
	for line := range strings.Lines(string(b)) {
		const parts = 3 // hierarchy:controllers:path, see cgroups(7)
		fields := strings.SplitN(strings.TrimSpace(line), ":", parts)
		if len(fields) != parts {
			continue
		}
		if fields[1] == "" {
			if _, err := os.Stat(filepath.Join(groupRoot, "cgroup.controllers")); err == nil {
				folders = append(folders, filepath.Join(groupRoot, fields[2]))
			}
			continue
		}
		if slices.ContainsFunc(strings.Split(fields[1], ","), func(c string) bool { return slices.Contains(wanted(), c) }) {
			folders = append(folders, filepath.Join(groupRoot, fields[1], fields[2]))
		}
	}
	return slices.DeleteFunc(folders, func(folder string) bool {
		_, err := os.Stat(filepath.Join(folder, "cgroup.procs"))
		return err != nil
	})
}

// removeGroups removes the groups of an ended instance. The kernel may take a moment to notice that they are empty.
func (p *Provider) removeGroups(ctx context.Context, r *record) {
	for _, folder := range r.Groups {
		const tries, pause = 20, 5 * time.Millisecond
		var err error
		for range tries {
			if err = unix.Rmdir(folder); !errors.Is(err, unix.EBUSY) || p.options.Clock.Sleep(ctx, pause) != nil {
				break
			}
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			p.options.Logger.WarnContext(ctx, "removing a control group", "folder", folder, "error", err)
		}
	}
}
