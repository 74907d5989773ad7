package runner_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/runner"
)

// TestMain is also the listener, the worker and the shell of steps, which tests start as processes of this binary.
func TestMain(m *testing.M) {
	if code, handled := runner.Main(os.Args, os.Environ()); handled {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// listenerProcess is a running bin/Runner.Listener.
type listenerProcess struct {
	t    *testing.T
	root string
	cmd  *exec.Cmd
	out  safeBuffer
	// github, if there is one, is closed after the listener's end: a test then reads what it got without a lock.
	github *fakeGitHub
}

// listen installs a runner and starts its listener with a JIT configuration for the fake GitHub.
func listen(t *testing.T, github *fakeGitHub, env ...string) *listenerProcess {
	t.Helper()
	p := &listenerProcess{t: t, root: t.TempDir(), github: github}
	if err := runner.Install(p.root); err != nil {
		t.Fatal(err)
	}
	p.start(append([]string{"ACTIONS_RUNNER_INPUT_JITCONFIG=" + github.jit()}, env...), "run")
	return p
}

func (p *listenerProcess) start(env []string, args ...string) {
	p.t.Helper()
	p.cmd = exec.CommandContext(p.t.Context(), filepath.Join(p.root, "bin", "Runner.Listener"), args...)
	p.cmd.Dir = p.root
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.root, "TMPDIR=" + p.t.TempDir()}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end and returns the exit code.
func (p *listenerProcess) exits() int {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if p.github != nil {
		p.github.server.Close()
	}
	return p.cmd.ProcessState.ExitCode()
}

// run is a whole life of a listener with one job. It returns what the job became and its log, without times.
func run(t *testing.T, job runner.Definition, env ...string) (*completion, string) {
	t.Helper()
	github := newGitHub(t, &job)
	p := listen(t, github, env...)
	if code := p.exits(); code != 0 {
		t.Fatalf("the listener exited with %d:\n%s", code, p.out.String())
	}
	if github.completed == nil {
		t.Fatalf("the job was not completed:\n%s", p.out.String())
	}
	if !github.closed {
		t.Error("the session was not closed")
	}
	return github.completed, plain(t, github.log.String())
}

// plain removes the time before each line, which must be there.
func plain(t *testing.T, log string) string {
	t.Helper()
	var text strings.Builder
	for line := range strings.Lines(log) {
		stamp, rest, found := strings.Cut(line, " ")
		if !found || len(stamp) != len("2006-01-02T15:04:05.0000000Z") {
			t.Errorf("a line without a time: %q", line)
		}
		text.WriteString(rest)
	}
	return text.String()
}

// job is a definition with the figures that most tests do not care about.
func job(key, workflow string) runner.Definition {
	return runner.Definition{
		ID: 42, RunID: 1000, Attempt: 1, Name: key, Job: key, WorkflowPath: ".github/workflows/ci.yml",
		Workflow: workflow, EventName: "push", Event: []byte(`{"ref":"refs/heads/main","repository":{"default_branch":"main"}}`),
		Ref: "refs/heads/main", SHA: "0123456789abcdef0123456789abcdef01234567", Repository: "acme/demo", Actor: "octocat",
		ServerURL: "http://github.test", Secrets: map[string]string{"GITHUB_TOKEN": "ghs_hidden"}, Vars: map[string]string{},
	}
}

// safeBuffer collects a process's output while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
