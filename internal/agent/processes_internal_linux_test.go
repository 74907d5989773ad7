package agent

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// install makes a runner's folder whose programs are this test binary.
func install(t *testing.T) (*Processes, string, *os.Root) {
	t.Helper()
	folder, logs := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Runner.Listener", workerName} {
		if err := os.Symlink(self, filepath.Join(folder, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(logs)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProcesses(ProcessOptions{Folder: folder, Home: folder, Path: os.Getenv("PATH"), Logs: root, Environment: map[string]string{"http_proxy": "p"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, folder, root
}

func (p *Processes) begin(t *testing.T, script string) {
	t.Helper()
	if err := p.Start(agentapi.Assignment{Runner: "r", JITConfig: script}); err != nil {
		t.Fatal(err)
	}
}

func (p *Processes) see(t *testing.T) Observation {
	t.Helper()
	o, err := p.Observe()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAListenerFromStartToExit(t *testing.T) {
	p, folder, logs := install(t)
	if err := os.WriteFile(filepath.Join(folder, ".credentials"), []byte("of an earlier registration"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RUNS_FLEET_GITHUB_TOKEN", "secret")
	p.begin(t, "long connect environment exit=5")
	if h := <-p.Happenings(); h.Saying != SaysListening {
		t.Errorf("first %+v, want it to listen", h)
	}
	if h := <-p.Happenings(); !h.Exited || h.Code != 5 {
		t.Errorf("then %+v, want exit 5", h)
	}
	if _, err := os.Stat(filepath.Join(folder, ".credentials")); err == nil {
		t.Error("an earlier registration is left")
	}
	environment, err := os.ReadFile(filepath.Join(folder, "_diag", "Runner_environment.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(environment), "\n") {
		switch name, _, _ := strings.Cut(line, "="); name {
		case "PATH", "HOME", "LANG", "USER", "LOGNAME", "SHELL", "RUNNER_ALLOW_RUNASROOT", "ACTIONS_RUNNER_INPUT_JITCONFIG", "http_proxy":
		default:
			t.Errorf("the listener's environment holds %s", name)
		}
	}
	tail, err := p.KeepLogs()
	if err != nil || !strings.Contains(tail, "Runner_environment.log") {
		t.Errorf("KeepLogs = %q, %v", tail, err)
	}
	if b, err := logs.ReadFile("listener.log"); err != nil || !strings.Contains(string(b), "Listening for Jobs") {
		t.Errorf("the listener's log: %q, %v", b, err)
	}
}

func TestSignals(t *testing.T) {
	p, _, _ := install(t)
	if err := p.Signal(Kill); err != nil {
		t.Errorf("a signal to no listener: %v", err)
	}
	p.begin(t, "connect wait exit=0")
	<-p.Happenings()
	if err := p.Signal(Interrupt); err != nil {
		t.Error(err)
	}
	if h := <-p.Happenings(); h.Code != 0 {
		t.Errorf("after SIGINT: %+v", h)
	}
	p.begin(t, "connect stubborn")
	<-p.Happenings()
	if err := p.Signal(Kill); err != nil {
		t.Error(err)
	}
	if h := <-p.Happenings(); h.Code != 128+int(syscall.SIGKILL) {
		t.Errorf("after SIGKILL: %+v", h)
	}
}

func TestAWorkerIsSeenWhileItRunsAndAfter(t *testing.T) {
	p, folder, _ := install(t)
	gate := filepath.Join(folder, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	if o := p.see(t); o.WorkerRunning || o.WorkerEver {
		t.Errorf("before any start: %+v", o)
	}
	p.begin(t, "connect work="+gate)
	<-p.Happenings()
	open, err := os.OpenFile(gate, os.O_WRONLY, 0) // returns once the worker has opened the other end
	if err != nil {
		t.Fatal(err)
	}
	if o := p.see(t); !o.WorkerRunning || !o.WorkerEver {
		t.Errorf("while it works: %+v", o)
	}
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Happenings()
	if o := p.see(t); o.WorkerRunning || !o.WorkerEver {
		t.Errorf("afterwards: %+v", o)
	}
}

func TestAWorkerTooShortToBeSeenLeavesItsTrace(t *testing.T) {
	p, _, _ := install(t)
	p.begin(t, "connect work=short exit=0")
	<-p.Happenings()
	<-p.Happenings()
	if o := p.see(t); o.WorkerRunning || !o.WorkerEver {
		t.Errorf("afterwards: %+v", o)
	}
}

func TestAnOrphanThatHoldsTheOutputDoesNotHideTheExit(t *testing.T) {
	p, _, _ := install(t)
	p.begin(t, "connect orphan=30 exit=0")
	<-p.Happenings()
	if h := <-p.Happenings(); !h.Exited {
		t.Errorf("%+v, want the exit", h)
	}
}

func TestAMissingListenerIsAnError(t *testing.T) {
	p, folder, _ := install(t)
	if err := os.Remove(filepath.Join(folder, "bin", "Runner.Listener")); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(agentapi.Assignment{Runner: "r"}); err == nil || !strings.Contains(err.Error(), "bin/Runner.Listener") {
		t.Errorf("Start = %v", err)
	}
}

func TestKeptLogsAreOnlyLogs(t *testing.T) {
	p, folder, logs := install(t)
	secret := filepath.Join(t.TempDir(), "secret")
	diagnostics := filepath.Join(folder, "_diag")
	if err := os.Mkdir(diagnostics, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(diagnostics, "Runner_1.log"), []byte(strings.Repeat("é", 10_000)+"end of runner"), 0o600),
		os.WriteFile(filepath.Join(diagnostics, "Worker_1.log"), []byte("end of \xff worker"), 0o600),
		os.WriteFile(filepath.Join(diagnostics, "other.txt"), []byte("no log"), 0o600),
		os.Symlink(secret, filepath.Join(diagnostics, "Worker_2.log")),
		syscall.Mkfifo(filepath.Join(diagnostics, "Worker_3.log"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tail, err := p.KeepLogs()
	if err != nil || strings.Contains(tail, "secret") || len(tail) > agentapi.MaxDiagnostics ||
		!strings.Contains(tail, "end of runner") || !strings.Contains(tail, "end of ? worker") {
		t.Errorf("KeepLogs = %d bytes %q, %v", len(tail), agentapi.Clip(tail, 200), err)
	}
	for _, name := range []string{"Worker_2.log", "Worker_3.log", "other.txt"} {
		if _, err := logs.Lstat(name); err == nil {
			t.Errorf("%s was kept", name)
		}
	}
	if err := os.RemoveAll(diagnostics); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(secret), diagnostics); err != nil {
		t.Fatal(err)
	}
	if tail, err := p.KeepLogs(); err == nil || tail != "" {
		t.Errorf("through a folder that is a link: %q, %v", tail, err)
	}
}

func TestParseStat(t *testing.T) {
	for line, want := range map[string]stat{
		"12 (Runner.Worker) S 7 12 12": {"Runner.Worker", 'S', 7},
		"12 (a) b (c) Z 1 2":           {"a) b (c", 'Z', 1},
	} {
		if got, ok := parseStat(line); !ok || got != want {
			t.Errorf("parseStat(%q) = %+v, %v", line, got, ok)
		}
	}
	for _, line := range []string{"", "12", "12 (x)", "12 (x) S", "12 (x) S y", ")("} {
		if got, ok := parseStat(line); ok {
			t.Errorf("parseStat(%q) = %+v", line, got)
		}
	}
}
