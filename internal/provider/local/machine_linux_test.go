package local_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

func TestPlatformIsThisMachines(t *testing.T) {
	r := newRig(t, func(o *local.Options) { o.OS, o.Arch = fleet.Linux, fleet.AMD64 })
	for name, test := range map[string]struct {
		spec fleet.Spec
		says string
	}{
		"another system":       {fleet.Spec{OS: fleet.Windows}, "os=windows"},
		"another architecture": {fleet.Spec{OS: fleet.Linux, Archs: []fleet.Arch{fleet.ARM64}}, "arch=arm64"},
		"either architecture":  {fleet.Spec{OS: fleet.Linux, Archs: []fleet.Arch{fleet.AMD64, fleet.ARM64}}, ""},
		"what is ignored":      {fleet.Spec{CPU: fleet.Range{Min: 512}, Families: []string{"c7g"}, Disk: fleet.Disk{SizeGB: 9000}}, ""},
	} {
		n, err := r.provider.Free(t.Context(), site, test.spec)
		if err != nil || (n == 0) != (test.says != "") {
			t.Errorf("%s: Free = %d, %v", name, n, err)
		}
		if test.says == "" {
			continue
		}
		_, err = r.provider.Launch(t.Context(), provider.Request{LaunchID: "launch-1", Site: site, Spec: test.spec, Count: 1})
		if !errors.Is(err, provider.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: Launch = %v, want it to say %q", name, err, test.says)
		}
	}
}

func TestFolderOfARunner(t *testing.T) {
	t.Parallel()
	const script = `echo changed > bin/Runner.Listener 2>/dev/null || echo kept; ls -A; cat .credentials`
	for name, change := range map[string]func(*local.Options){
		"overlay":         nil,
		"read-only binds": func(o *local.Options) { o.NoOverlay = true },
		"hard links":      func(o *local.Options) { o.Isolation = local.NoIsolation },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var installed string
			r := newRig(t, func(o *local.Options) {
				if change != nil {
					change(o)
				}
				installed, _ = o.RunnerDir(t.Context())
			})
			// The installation was used before: what is another runner's must not be this one's.
			for file, content := range map[string]string{"_diag/Worker_0.log": "old", ".credentials": "secret of another", "run.sh": "#!/bin/sh"} {
				path := filepath.Join(installed, file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			id := r.launch(t, "launch-1", 1)[0]
			first := r.await(id, "ready", func(agentapi.Report) bool { return true })
			if first.WorkerStarted || !strings.Contains(phases(first), "folder ready ("+name+")") {
				t.Errorf("the first report is %+v", first)
			}
			said := r.run(t, id, script)
			if strings.Contains(said, "secret") || strings.Contains(said, "Worker_0") || !strings.Contains(said, "run.sh") {
				t.Errorf("the job found %q", said)
			}
			if b, err := os.ReadFile(filepath.Join(installed, "bin", "Runner.Listener")); err != nil || len(b) < 1000 {
				t.Errorf("the shared installation was changed: %d bytes, %v", len(b), err)
			}
		})
	}
}

func phases(r agentapi.Report) string {
	var names []string
	for _, p := range r.Phases {
		names = append(names, p.Name+" ("+p.Detail+")")
	}
	return strings.Join(names, ", ")
}

func TestARunnerThatCannotBeHad(t *testing.T) {
	r := newRig(t, func(o *local.Options) {
		o.RunnerDir = func(context.Context) (string, error) { return "", errors.New("GitHub is away") }
	})
	request := provider.Request{LaunchID: "launch-1", Site: site, Count: 2}
	a, err := r.provider.Launch(t.Context(), request)
	if err != nil || len(a.Errors) != 1 || a.Errors[0].Code != "RunnerUnavailable" || a.Errors[0].Count != 2 ||
		!strings.Contains(a.Errors[0].Message, "GitHub is away") {
		t.Errorf("Launch = %+v, %v", a, err)
	}
}

func TestABootThatFailsSaysWhy(t *testing.T) { // failure modes B8, G4, N31
	r := newRig(t, func(o *local.Options) {
		o.RunnerDir = func(context.Context) (string, error) { return "/nowhere", nil }
	})
	id := r.launch(t, "launch-1", 1)[0]
	if i := r.awaitEnd(t, id); !strings.Contains(i.Reason, "opening the installed runner: open /nowhere") {
		t.Errorf("the reason is %q", i.Reason)
	}
	if log, err := r.provider.ConsoleLog(t.Context(), site, id); err != nil || !strings.Contains(string(log), "/nowhere") {
		t.Errorf("the console log is %q, %v", log, err)
	}
}

func TestAgentsReachASocketThatIsHiddenFromJobs(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	folder := t.TempDir()
	socket := filepath.Join(folder, "agent.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: agentapi.NewHandler(r.controlPlane, slog.New(slog.DiscardHandler)), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	r.options.ServerURL, r.options.Hide = "unix://"+socket, []string{folder}
	r.options.Environment = map[string]string{"SOCKET": socket}
	r.restart(t)
	id := r.launch(t, "launch-1", 1)[0]
	if said := r.run(t, id, `ls "$SOCKET" 2>/dev/null || echo hidden; ls /proc/self/fd | wc -l`); !strings.HasPrefix(said, "hidden\n") {
		t.Errorf("the job said %q", said)
	}
}

func TestWithoutIsolationTheJobEndsWithItsMachine(t *testing.T) {
	r := newRig(t, func(o *local.Options) { o.Isolation = local.NoIsolation })
	id := r.launch(t, "launch-1", 1)[0]
	r.order(id, assign("runner", "sleep 61.2345 & sleep 61.2345; true"))
	r.await(id, "working", func(r agentapi.Report) bool { return r.WorkerRunning })
	wait(t, "the job's processes", func() bool { return len(processes("61.2345")) >= 2 })
	r.terminate(t, id)
	wait(t, "their end", func() bool { return len(processes("61.2345")) == 0 })
}

func TestLogsAreKeptForTheirTime(t *testing.T) {
	c := &movable{}
	r := newRig(t, func(o *local.Options) { o.KeepLogs, o.Clock = 2*time.Hour, c })
	id := r.launch(t, "launch-1", 1)[0]
	r.terminate(t, id)
	folder := filepath.Join(r.options.Dir, "instances", id)
	for _, test := range []struct {
		pass         time.Duration
		listed, kept bool
	}{{0, true, true}, {90 * time.Minute, false, true}, {time.Hour, false, false}} {
		c.pass(test.pass)
		listed := r.instance(t, id).ID != ""
		_, err := os.Stat(folder)
		if listed != test.listed || (err == nil) != test.kept {
			t.Errorf("%s later: listed %v, kept %v", test.pass, listed, err == nil)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]local.Options{
		"nothing":           {},
		"unknown isolation": {Dir: t.TempDir(), AgentPath: "/a", ServerURL: "http://x", RunnerDir: func(context.Context) (string, error) { return "", nil }, Isolation: "some"},
		"too many slots":    {Dir: t.TempDir(), AgentPath: "/a", ServerURL: "http://x", RunnerDir: func(context.Context) (string, error) { return "", nil }, Slots: 10_000},
	} {
		if _, err := local.New(t.Context(), o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNoIsolationToBeHadIsRefusedWithTheRemedy(t *testing.T) {
	o := local.Options{
		Dir: t.TempDir(), AgentPath: "/bin/false", ServerURL: "http://127.0.0.1:1",
		RunnerDir: func(context.Context) (string, error) { return "", nil },
	}
	_, err := local.New(t.Context(), o)
	if !errors.Is(err, local.ErrNoIsolation) || !strings.Contains(err.Error(), "apparmor_restrict_unprivileged_userns=0") ||
		!strings.Contains(err.Error(), "--isolation=none") {
		t.Errorf("New = %v", err)
	}
}
