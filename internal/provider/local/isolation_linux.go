package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
)

// probeTimeout bounds the trial of an isolation, which takes about 20 ms.
const probeTimeout = 20 * time.Second

// chooseIsolation takes the strongest that this process may use, after having tried it.
func (p *Provider) chooseIsolation(ctx context.Context) (boot.Isolation, error) {
	if p.options.Isolation == NoIsolation {
		p.options.Logger.WarnContext(ctx, "JOBS ARE NOT ISOLATED: --isolation=none lets every job read and change whatever this user can, "+
			"the server's token and other jobs' files included, and leave processes behind")
		return noIsolation, nil
	}
	kind := namespaceIsolation
	if os.Getuid() == 0 {
		kind = userIsolation
	}
	if err := p.probe(ctx, kind); err != nil {
		return "", fmt.Errorf("%w (tried: %s): %w. %s", ErrNoIsolation, kind, err, remedy)
	}
	p.options.Logger.InfoContext(ctx, "jobs are isolated", "isolation", string(kind))
	return kind, nil
}

// probe runs the boot stage of an agent that ends before it becomes one.
func (p *Provider) probe(ctx context.Context, kind boot.Isolation) (err error) {
	ctx, cancel := p.options.Clock.WithTimeout(ctx, probeTimeout)
	defer cancel()
	folder, err := os.MkdirTemp(p.options.Dir, "probe-")
	if err != nil {
		return fmt.Errorf("making a folder for a trial: %w", err)
	}
	defer func() { err = errors.Join(err, removeTree(folder)) }()
	c := boot.Config{
		Isolation: kind, Instance: "probe", Folder: filepath.Join(folder, ownFolder), Logs: filepath.Join(folder, logsFolder),
		RunnerDir: filepath.Join(folder, "runner"), UID: os.Getuid(), GID: os.Getgid(), Hide: []string{p.options.Dir}, Probe: true,
	}
	if kind == userIsolation {
		c.UID, c.GID = p.options.UIDBase, p.options.UIDBase
	}
	for _, path := range []string{c.Folder, c.Logs, c.RunnerDir} {
		if err := os.Mkdir(path, 0o700); err != nil {
			return fmt.Errorf("making a folder for a trial: %w", err)
		}
	}
	log := filepath.Join(folder, bootLog)
	s, err := p.startProcess(c, log)
	if err != nil {
		return err
	}
	if err := s.tell(); err != nil {
		return errors.Join(err, s.abandon())
	}
	stop := context.AfterFunc(ctx, func() { _ = s.handle.signal(unix.SIGKILL) }) // its end is seen below either way
	defer stop()
	err = s.handle.cmd.Wait()
	if closing := s.handle.close(); err == nil {
		return closing
	}
	text, _ := tailOf(log, 1<<10) // without it the status must do
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
}

// freeUsers returns ids for the slots that belong to nobody whom this machine knows.
func freeUsers(base, slots int) []int {
	ids := make([]int, 0, slots)
	for id := base; len(ids) < slots; id++ {
		if _, err := user.LookupId(strconv.Itoa(id)); err == nil {
			continue
		}
		if _, err := user.LookupGroupId(strconv.Itoa(id)); err == nil {
			continue
		}
		ids = append(ids, id)
	}
	return ids
}
