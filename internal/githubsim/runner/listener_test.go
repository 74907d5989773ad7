package runner_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/runner"
)

const longJob = `
on: push
jobs:
  build:
    runs-on: x
    steps:
      - run: |
          echo "pid of the shell: $$"
          sleep 1000 & echo "pid of its child: $!"
          (setsid nohup sleep 1000 & echo "pid of what hides: $!") 2>/dev/null
          echo waiting
          wait
      - run: echo never
      - { name: clean up, if: always(), run: "echo cleaned up, the job is ${{ job.status }}" }
`

func TestListenerPrintsWhatTheOriginalPrints(t *testing.T) {
	t.Parallel()
	definition := job("build", `{ on: push, jobs: { build: { runs-on: x, steps: [ { run: "true" } ] } } }`)
	github := newGitHub(t, &definition)
	p := listen(t, github)
	if code := p.exits(); code != 0 {
		t.Errorf("exited with %d", code)
	}
	for _, line := range []string{"√ Connected to GitHub\n", "Z: Listening for Jobs\n", "Z: Running job: build\n", "Z: Job build completed with result: Succeeded\n"} {
		if !strings.Contains(p.out.String(), line) {
			t.Errorf("the output lacks %q:\n%s", line, p.out.String())
		}
	}
	for _, kind := range []string{"Runner", "Worker"} {
		logs, err := filepath.Glob(filepath.Join(p.root, "_diag", kind+"_*-utc.log"))
		if err != nil || len(logs) != 1 {
			t.Errorf("%d logs of the %s, %v", len(logs), kind, err)
		}
	}
	if _, err := os.Stat(filepath.Join(p.root, ".credentials")); !os.IsNotExist(err) {
		t.Errorf("the credentials of an ephemeral runner remain: %v", err)
	}
}

// The steps that run are stopped with all that they started; those for any case still run.
func TestCancellation(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*fakeGitHub, *listenerProcess){
		"by GitHub": func(*fakeGitHub, *listenerProcess) {},
		"by SIGINT": func(github *fakeGitHub, p *listenerProcess) {
			github.awaitLog()
			if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		},
	}
	for name, cancel := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			definition := job("build", longJob)
			github := newGitHub(t, &definition)
			github.awaited = "waiting"
			if name == "by GitHub" {
				github.cancelOn = "waiting"
			}
			p := listen(t, github)
			cancel(github, p)
			if code := p.exits(); code != 0 {
				t.Errorf("exited with %d:\n%s", code, p.out.String())
			}
			if github.completed == nil || github.completed.Conclusion != runner.Cancelled {
				t.Fatalf("completed as %+v", github.completed)
			}
			log := plain(t, github.log.String())
			within(t, log, "waiting", "##[error]The operation was canceled.", "cleaned up, the job is cancelled")
			want := []string{"Set up job: success", `Run echo "pid of the shell: $$": cancelled`, "Run echo never: skipped", "clean up: success", "Complete job: success"}
			if diff := cmp.Diff(want, conclusions(github.completed.Steps)); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(p.out.String(), "Job build completed with result: Canceled") {
				t.Errorf("printed:\n%s", p.out.String())
			}
			gone(t, log)
		})
	}
}

// gone checks that the processes whose numbers the log tells exist no more. They were reaped before the listener ended.
func gone(t *testing.T, log string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(log) {
		_, pid, told := strings.Cut(strings.TrimSpace(line), "pid of ")
		if !told || strings.Contains(line, "$") {
			continue
		}
		_, pid, _ = strings.Cut(pid, ": ")
		found++
		if _, err := os.Stat("/proc/" + pid); !os.IsNotExist(err) {
			t.Errorf("%s: the process is still there (%v)", strings.TrimSpace(line), err)
		}
	}
	if found != 3 {
		t.Errorf("the log tells of %d processes:\n%s", found, log)
	}
}

func TestJobTakenAwayWhileItRuns(t *testing.T) {
	t.Parallel()
	definition := job("build", longJob)
	github := newGitHub(t, &definition)
	github.awaited = "waiting"
	p := listen(t, github)
	github.awaitLog()
	github.locked(func() { github.renew = http.StatusNotFound })
	if code := p.exits(); code != 0 || !strings.Contains(p.out.String(), "completed with result: Abandoned") {
		t.Errorf("exited with %d:\n%s", code, p.out.String())
	}
	if github.completed != nil {
		t.Error("completed a job that was no longer this runner's")
	}
	gone(t, plain(t, github.log.String()))
}

func TestWorkerThatDiesFailsTheJob(t *testing.T) {
	t.Parallel()
	definition := job("build", strings.Replace(longJob, "echo waiting", `grep PPid /proc/$PPID/status; echo waiting`, 1))
	github := newGitHub(t, &definition)
	github.awaited = "waiting"
	p := listen(t, github)
	github.awaitLog()
	github.mu.Lock()
	log := plain(t, github.log.String())
	github.mu.Unlock()
	_, after, _ := strings.Cut(log, "PPid:\t")
	number, _, _ := strings.Cut(after, "\n")
	pid := 0
	for _, digit := range number {
		pid = 10*pid + int(digit-'0')
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil || pid < 2 {
		t.Fatalf("killing the worker %d: %v", pid, err)
	}
	if code := p.exits(); code != 0 {
		t.Errorf("exited with %d:\n%s", code, p.out.String())
	}
	if github.completed == nil || github.completed.Conclusion != runner.Failure {
		t.Fatalf("completed as %+v", github.completed)
	}
	if log = plain(t, github.log.String()); !strings.Contains(log, "##[error]The runner's worker ended without a result: signal: killed") {
		t.Errorf("the log does not say what happened:\n%s", log)
	}
	gone(t, plain(t, github.log.String()))
}

func TestOrphansOfAJobEndWithIt(t *testing.T) {
	t.Parallel()
	done, log := run(t, job("build", `
on: push
jobs:
  build:
    runs-on: x
    steps:
      - run: |
          sleep 1000 >/dev/null 2>&1 & echo "pid of a child: $!"
          nohup sleep 1000 >/dev/null 2>&1 & echo "pid of a nohup: $!"
          setsid sleep 1000 >/dev/null 2>&1 & echo "pid of a setsid: $!"
      - run: echo next
`))
	if done.Conclusion != runner.Success {
		t.Fatalf("concluded %s:\n%s", done.Conclusion, log)
	}
	within(t, log, "Cleaning up orphan processes: 3")
	gone(t, log)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(*fakeGitHub)
		env     []string
		code    int
		says    string
	}{
		"registration deleted while listening": {
			func(f *fakeGitHub) { f.message = http.StatusUnauthorized }, nil, 0, "registration has been deleted",
		},
		"JIT config expired": {
			func(f *fakeGitHub) { f.session = http.StatusUnauthorized }, nil, 1, "Failed to create a session. The runner registration has been deleted",
		},
		"deprecated": {func(f *fakeGitHub) { f.session = http.StatusUpgradeRequired }, nil, 1, "is deprecated"},
		"deprecated, own code": {
			func(f *fakeGitHub) { f.session = http.StatusUpgradeRequired },
			[]string{"ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1"},
			7, "is deprecated",
		},
		"result as code": {
			func(f *fakeGitHub) {
				definition := job("build", `{ on: push, jobs: { build: { runs-on: x, steps: [ { run: "false" } ] } } }`)
				f.job = &definition
			},
			[]string{"ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED=true"},
			102, "completed with result: Failed",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			github := newGitHub(t, nil)
			test.prepare(github)
			p := listen(t, github, test.env...)
			if code := p.exits(); code != test.code || !strings.Contains(p.out.String(), test.says) {
				t.Errorf("exited with %d, want %d and %q:\n%s", code, test.code, test.says, p.out.String())
			}
		})
	}
}

func TestInterruptedWhileListening(t *testing.T) {
	t.Parallel()
	github := newGitHub(t, nil)
	p := listen(t, github)
	<-github.inMessage
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.exits(); code != 0 || !github.closed {
		t.Errorf("exited with %d, session closed: %v:\n%s", code, github.closed, p.out.String())
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--version"}, 0, runner.Version + "\n"},
		{[]string{"warmup"}, 0, ""},
		{[]string{"run"}, 1, "not configured. Run config.(sh/cmd) to configure the runner."},
		{[]string{"run", "--jitconfig", "@"}, 1, "decoding the JIT config"},
		{[]string{"run", "--nonsense"}, 1, "Unrecognized command-line input arguments: '--nonsense'"},
		{nil, 1, "Runner.Listener run"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			p := &listenerProcess{t: t, root: t.TempDir()}
			if err := runner.Install(p.root); err != nil {
				t.Fatal(err)
			}
			p.start(nil, test.args...)
			if code := p.exits(); code != test.code || !strings.Contains(p.out.String(), test.says) {
				t.Errorf("exited with %d, want %d and %q:\n%s", code, test.code, test.says, p.out.String())
			}
		})
	}
}

func TestDotEnvReachesTheJob(t *testing.T) {
	t.Parallel()
	definition := job("build", `{ on: push, jobs: { build: { runs-on: x, steps: [ { run: "echo from .env: $FROM_FILE" } ] } } }`)
	github := newGitHub(t, &definition)
	p := &listenerProcess{t: t, root: t.TempDir(), github: github}
	if err := runner.Install(p.root); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.root, ".env"), []byte("# a comment\nFROM_FILE=read\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start(nil, "run", "--jitconfig", github.jit())
	if code := p.exits(); code != 0 {
		t.Fatalf("exited with %d:\n%s", code, p.out.String())
	}
	within(t, plain(t, github.log.String()), "from .env: read")
}

func TestMainLeavesOtherProgramsAlone(t *testing.T) {
	t.Parallel()
	for _, argv := range [][]string{nil, {""}, {"/usr/bin/runs-fleet-demo", "Runner.Listener"}} {
		if code, handled := runner.Main(argv, nil); handled || code != 0 {
			t.Errorf("%q: handled %v with %d", argv, handled, code)
		}
	}
}
