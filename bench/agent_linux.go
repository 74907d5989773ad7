package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

// agentStart measures from the launch of a local machine to the first instruction of its listener: namespaces, the
// runner's folder, hello, assignment. GitHub is not part of it. Beside it is the plain start of the same listener.
func agentStart(ctx context.Context, b *bench) (err error) {
	dir, err := os.MkdirTemp("", "bench-agent-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // agents have users of their own
		return fmt.Errorf("opening the folder for agents: %w", err)
	}
	b.say("agent: building it")
	agent, err := build(ctx, dir, "cmd/runs-fleet-agent")
	if err != nil {
		return err
	}
	runner := filepath.Join(dir, "runner")
	if err := installRunner(ctx, runner, b.quick); err != nil {
		return fmt.Errorf("making an installed runner: %w", err)
	}
	rounds := 30
	if b.quick {
		rounds = 2
	}
	for _, c := range []struct {
		name      string
		isolation local.Isolation
		noOverlay bool
		aim       aim
	}{
		{"isolated", local.Auto, false, atMost(100, "ms")},
		{"isolated, no overlay", local.Auto, true, atMost(100, "ms")},
		{"isolation none", local.NoIsolation, false, aim{}},
	} {
		if !b.wants(c.name) {
			continue
		}
		b.say("agent: %s, %d rounds", c.name, rounds)
		p := &startPlane{b: b, keys: map[string]string{}, kinds: map[string]bool{}}
		took, plain, err := p.measure(ctx, local.Options{
			Dir: filepath.Join(dir, "machines-"+strconv.Itoa(len(b.report.Figures))), AgentPath: agent, Isolation: c.isolation, NoOverlay: c.noOverlay, Slots: 4,
			RunnerDir: func(context.Context) (string, error) { return runner, nil },
		}, runner, rounds)
		if errors.Is(err, local.ErrNoIsolation) {
			b.report.note("agent: %s was not measured: %v", c.name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		name := fmt.Sprintf("%s (%s)", c.name, p.how())
		b.report.add(figure{
			Benchmark: "agent", Case: name, What: "launch to listener, p50", Unit: "ms",
			Value: milliseconds(quantile(took, 0.5)), Limit: milliseconds(quantile(plain, 0.5)),
		}, c.aim)
		b.report.add(figure{
			Benchmark: "agent", Case: name, What: "launch to listener, p90", Unit: "ms",
			Value: milliseconds(quantile(took, 0.9)), Limit: milliseconds(quantile(plain, 0.9)),
		}, aim{})
	}
	b.report.note("agent: the installed runner has 4,000 files; hello and the assignment go over loopback HTTP; the limit is fork and exec of the listener alone.")
	return nil
}

// installRunner makes a folder with the stand-in listener and as many files as the official runner's, which are empty:
// only their number could cost anything.
func installRunner(ctx context.Context, folder string, quick bool) error {
	bin := filepath.Join(folder, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // agents have users of their own
		return fmt.Errorf("making a folder: %w", err)
	}
	built, err := build(ctx, bin, "bench/listener")
	if err != nil {
		return err
	}
	if err := os.Rename(built, filepath.Join(bin, "Runner.Listener")); err != nil {
		return fmt.Errorf("placing the listener: %w", err)
	}
	files := 4000
	if quick {
		files = 40
	}
	for i := range files {
		sub := filepath.Join(folder, "externals", strconv.Itoa(i%100))
		if err := os.MkdirAll(sub, 0o755); err != nil { //nolint:gosec // agents have users of their own
			return fmt.Errorf("making a folder: %w", err)
		}
		if err := os.WriteFile(filepath.Join(sub, strconv.Itoa(i)), nil, 0o644); err != nil { //nolint:gosec // the same
			return fmt.Errorf("making a file: %w", err)
		}
	}
	return nil
}

// startPlane is a control plane that assigns each machine at once.
type startPlane struct {
	b        *bench
	provider *local.Provider

	mu    sync.Mutex
	keys  map[string]string // hash of an agent's key to its instance
	kinds map[string]bool   // how runners' folders were made
}

// folderPhase is the agent's name for the moment when the runner's folder was made; its detail says how.
const folderPhase = "folder ready"

func (p *startPlane) how() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kinds []string
	for k := range p.kinds {
		kinds = append(kinds, k)
	}
	return strings.Join(kinds, ", ")
}

// Hello implements agentapi.Service.
func (p *startPlane) Hello(ctx context.Context, h agentapi.Hello) (agentapi.Welcome, error) {
	who, err := p.provider.Verify(ctx, h)
	if err != nil {
		return agentapi.Welcome{}, fmt.Errorf("verifying hello: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[h.KeyHash] = who.Instance
	return agentapi.Welcome{Machine: who.Instance, LeaseSeconds: int(fleet.LeaseLocal.Seconds()), RenewSeconds: int(fleet.RenewLocal.Seconds())}, nil
}

// Poll implements agentapi.Service.
func (p *startPlane) Poll(ctx context.Context, key string, r agentapi.Report) (agentapi.Orders, error) {
	sum := sha256.Sum256([]byte(key))
	p.mu.Lock()
	instance := p.keys[hex.EncodeToString(sum[:])]
	for _, phase := range r.Phases {
		if phase.Name == folderPhase {
			p.kinds[phase.Detail] = true
		}
	}
	p.mu.Unlock()
	if r.Runner == "" {
		return agentapi.Orders{Command: agentapi.CommandAssign, Assignment: &agentapi.Assignment{
			Runner: "runner-" + instance, JITConfig: strings.Repeat("j", 4<<10), MaxRuntime: time.Hour,
		}}, nil
	}
	<-ctx.Done()
	return agentapi.Orders{}, ctx.Err()
}

// measure starts machines one after another, and the bare listener in between.
func (p *startPlane) measure(ctx context.Context, o local.Options, runner string, rounds int) (took, plain []time.Duration, err error) {
	server := httptest.NewServer(agentapi.NewHandler(p, slog.New(slog.DiscardHandler)))
	defer server.Close()
	o.ServerURL = server.URL
	if p.provider, err = local.New(ctx, o); err != nil {
		return nil, nil, fmt.Errorf("preparing machines: %w", err)
	}
	defer func() { err = errors.Join(err, p.provider.Close()) }()
	for i := range rounds {
		bare, err := p.plainStart(ctx, filepath.Join(runner, "bin", "Runner.Listener"))
		if err != nil {
			return nil, nil, err
		}
		d, err := p.start(ctx, fmt.Sprintf("l-%d", i))
		if err != nil {
			return nil, nil, err
		}
		took, plain = append(took, d), append(plain, bare)
	}
	return took, plain, nil
}

func (p *startPlane) start(ctx context.Context, launch string) (_ time.Duration, err error) {
	site := fleet.Site{Environment: fleet.DefaultEnvironment, Region: "local"}
	began := p.b.clock.Now()
	a, err := p.provider.Launch(ctx, provider.Request{LaunchID: launch, Site: site, Count: 1})
	if err != nil || len(a.Instances) != 1 {
		return 0, errors.Join(fmt.Errorf("launching: %v", a.Errors), err)
	}
	id := a.Instances[0].ID
	defer func() { err = errors.Join(err, p.provider.Terminate(context.WithoutCancel(ctx), site, []string{id})) }()
	const patience = 20 * time.Second
	ctx, cancel := p.b.clock.WithTimeout(ctx, patience)
	defer cancel()
	log := filepath.Join(p.provider.LogFolder(id), "listener.log")
	for {
		if at, ok := beganAt(log); ok {
			return at.Sub(began), nil
		}
		if err := p.b.clock.Sleep(ctx, time.Millisecond); err != nil {
			console, _ := p.provider.ConsoleLog(context.WithoutCancel(ctx), site, id)
			return 0, fmt.Errorf("waiting for the listener: %w; the agent said: %s", err, console)
		}
	}
}

// beganAt reads what the listener said.
func beganAt(log string) (time.Time, bool) {
	b, err := os.ReadFile(log)
	if err != nil {
		return time.Time{}, false
	}
	return parseBegan(string(b))
}

func parseBegan(text string) (time.Time, bool) {
	_, rest, found := strings.Cut(text, "began ")
	digits, _, whole := strings.Cut(rest, "\n")
	if !found || !whole {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return time.Unix(0, n), err == nil
}

// plainStart starts the listener without anything around it.
func (p *startPlane) plainStart(ctx context.Context, path string) (time.Duration, error) {
	began := p.b.clock.Now()
	cmd := exec.CommandContext(ctx, path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("making a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the listener: %w", err)
	}
	line := make([]byte, 64)
	n, err := io.ReadAtLeast(out, line, len("began 1\n"))
	if err = errors.Join(err, cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
		return 0, fmt.Errorf("running the listener: %w", err)
	}
	at, ok := parseBegan(string(line[:n]))
	if !ok {
		return 0, fmt.Errorf("the listener said %q", line[:n])
	}
	return at.Sub(began), nil
}
