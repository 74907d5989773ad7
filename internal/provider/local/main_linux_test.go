package local_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// agentVariable names the built agent for a test that runs this binary again as another user.
const agentVariable = "LOCAL_TEST_AGENT"

// TestMain is four programs: the tests, a server to be killed, and in a runner's folder the listener and the worker, as
// the name says.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "Runner.Listener":
		os.Exit(listenerMain())
	case "Runner.Worker":
		os.Exit(workerMain())
	}
	if os.Getenv(serverVariable) != "" {
		os.Exit(serverMain())
	}
	clean, err := buildAgent()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		clean()
		os.Exit(code)
	}))
}

// buildAgent builds the real agent once.
func buildAgent() (clean func(), err error) {
	if os.Getenv(agentVariable) != "" {
		return func() {}, nil
	}
	folder, err := os.MkdirTemp("", "agent-")
	if err != nil {
		return nil, err
	}
	clean = func() { _ = os.RemoveAll(folder) }
	if err := os.Chmod(folder, 0o755); err != nil {
		return clean, err
	}
	path := filepath.Join(folder, "runs-fleet-agent")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "../../../cmd/runs-fleet-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		clean()
		return nil, fmt.Errorf("building the agent: %w\n%s", err, output)
	}
	return clean, os.Setenv(agentVariable, path)
}
