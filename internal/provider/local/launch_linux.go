package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// The codes of launch errors, in EC2's spelling where it has one.
const (
	codeCapacity    = "InsufficientInstanceCapacity"
	codeStart       = "StartFailed"
	codeInterrupted = "StartInterrupted"
)

const maxCount = 90 // rule 1.12

func (p *Provider) check(r provider.Request) error {
	if !launchID.MatchString(r.LaunchID) {
		return fmt.Errorf("%w: launch id %q is not 1 to 64 letters, digits, dots and dashes", provider.ErrInvalid, r.LaunchID)
	}
	if r.Count < 1 || r.Count > maxCount {
		return fmt.Errorf("%w: %d machines: must be 1 to %d", provider.ErrInvalid, r.Count, maxCount)
	}
	return p.checkPlatform(r.Spec)
}

func (p *Provider) checkPlatform(s fleet.Spec) error {
	if s.OS != "" && s.OS != p.options.OS {
		return fmt.Errorf("%w: this machine runs %s, the job wants os=%s", provider.ErrInvalid, p.options.OS, s.OS)
	}
	if len(s.Archs) > 0 && !slices.Contains(s.Archs, p.options.Arch) {
		wanted := make([]string, len(s.Archs))
		for i, a := range s.Archs {
			wanted[i] = string(a)
		}
		return fmt.Errorf("%w: this machine is %s, the job wants arch=%s", provider.ErrInvalid, p.options.Arch, strings.Join(wanted, "+"))
	}
	return nil
}

func sameRequest(a, b provider.Request) bool {
	// As stored: reading a file back turns an empty list into none.
	if len(a.Spec.Archs) == 0 && len(b.Spec.Archs) == 0 {
		a.Spec.Archs, b.Spec.Archs = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// refuse records a launch of nothing.
func (p *Provider) refuse(r provider.Request, code, message string) (provider.Answer, error) {
	l := &launch{Request: r, At: p.options.Clock.Now(), Errors: []provider.LaunchError{{Code: code, Message: message, Count: r.Count}}}
	if err := writeJSON(p.launchFile(r.LaunchID), l); err != nil {
		return provider.Answer{}, err
	}
	p.launches[r.LaunchID] = l
	return p.answerOf(l), nil
}

// launch starts what there is room for. The lock is held.
func (p *Provider) launch(ctx context.Context, r provider.Request, runner string) (provider.Answer, error) {
	free := p.freeSlots()
	free = free[:min(len(free), r.Count)]
	l := &launch{Request: r, At: p.options.Clock.Now()}
	if missing := r.Count - len(free); missing > 0 {
		l.Errors = append(l.Errors, provider.LaunchError{
			Code: codeCapacity, Count: missing,
			Message: fmt.Sprintf("this machine runs %d runners at once", p.options.Slots),
		})
	}
	for range free {
		const idBytes = 8
		l.Instances = append(l.Instances, "l-"+p.options.Random.Token(idBytes))
	}
	if err := writeJSON(p.launchFile(r.LaunchID), l); err != nil {
		return provider.Answer{}, err
	}
	p.launches[r.LaunchID] = l
	planned := slices.Clone(l.Instances)
	for i, id := range planned {
		if err := p.startMachine(ctx, r, id, free[i], runner); err != nil {
			p.options.Logger.ErrorContext(ctx, "starting a machine", "instance", id, "error", err)
			p.notStarted(l, id, codeStart, err.Error())
		}
	}
	if len(l.Instances) < len(planned) {
		if err := writeJSON(p.launchFile(r.LaunchID), l); err != nil {
			return provider.Answer{}, err
		}
	}
	return p.answerOf(l), nil
}

// notStarted moves a planned instance to the launch's errors.
func (p *Provider) notStarted(l *launch, id, code, message string) {
	l.Instances = slices.DeleteFunc(l.Instances, func(i string) bool { return i == id })
	for i := range l.Errors {
		if l.Errors[i].Code == code {
			l.Errors[i].Count++
			return
		}
	}
	l.Errors = append(l.Errors, provider.LaunchError{Code: code, Message: message, Count: 1})
}

// startMachine writes the state file, starts the process, writes down which it is, and only then tells it who it is.
func (p *Provider) startMachine(ctx context.Context, r provider.Request, id string, slot int, runner string) (err error) {
	const tokenBytes = 32
	token := p.options.Random.Token(tokenBytes)
	m := &machine{gone: make(chan struct{}), record: record{
		Instance: provider.Instance{
			ID: id, LaunchID: r.LaunchID, Site: r.Site, State: provider.Pending, Type: "local", Market: r.Market,
			Launched: p.options.Clock.Now(),
		},
		Isolation: p.isolation, Slot: slot, UID: os.Getuid(), GID: os.Getgid(), TokenHash: hash(token),
	}}
	if p.isolation == userIsolation {
		m.record.UID, m.record.GID = p.users[slot], p.users[slot]
	}
	folder := p.instanceFolder(id)
	defer func() {
		if err != nil {
			p.removeGroups(ctx, &m.record)
			err = errors.Join(err, removeTree(folder))
		}
	}()
	if err := p.makeFolders(folder, &m.record); err != nil {
		return err
	}
	m.record.Groups = p.makeGroups(ctx, id)
	if err := p.saveRecord(&m.record); err != nil {
		return err
	}
	started, err := p.startProcess(p.bootConfig(m, token, runner), filepath.Join(folder, bootLog))
	if err != nil {
		return err
	}
	m.handle, m.record.Process = started.handle, started.process
	if err := p.saveRecord(&m.record); err != nil {
		return errors.Join(err, started.abandon())
	}
	if err := started.tell(); err != nil {
		return errors.Join(err, started.abandon())
	}
	p.machines[id] = m
	p.watch(ctx, m)
	return nil
}

func (p *Provider) makeFolders(folder string, r *record) error {
	for _, path := range []string{folder, filepath.Join(folder, logsFolder), filepath.Join(folder, ownFolder)} {
		if err := os.Mkdir(path, 0o700); err != nil {
			return fmt.Errorf("making the machine's folder: %w", err)
		}
	}
	if err := os.Chown(filepath.Join(folder, logsFolder), r.UID, r.GID); err != nil {
		return fmt.Errorf("giving the log folder to the runner's user: %w", err)
	}
	return nil
}

func (p *Provider) bootConfig(m *machine, token, runner string) boot.Config {
	folder := p.instanceFolder(m.record.Instance.ID)
	c := boot.Config{
		Isolation: p.isolation, Instance: m.record.Instance.ID, ServerURL: p.options.ServerURL, Token: token,
		Delay: p.options.BootDelay, Folder: filepath.Join(folder, ownFolder), Logs: filepath.Join(folder, logsFolder),
		RunnerDir: runner, UID: m.record.UID, GID: m.record.GID,
		Hide:        append([]string{p.options.Dir}, p.options.Hide...),
		Environment: p.options.Environment, NoOverlay: p.options.NoOverlay,
	}
	if home, err := os.UserHomeDir(); err == nil { // a service may have none
		c.Hide = append(c.Hide, home)
	}
	for _, group := range m.record.Groups {
		c.ControlGroups = append(c.ControlGroups, filepath.Join(group, "cgroup.procs"))
	}
	return c
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
