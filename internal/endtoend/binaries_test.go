package endtoend_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries are the three programs, built once for the whole package.
type binaries struct{ server, agent, demo string }

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "runs-fleet-end-to-end-")
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "making a folder for the programs:", err)
		return 1
	}
	if given := os.Getenv(programsVariable); given != "" {
		return m.Run()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-o", dir, "../../cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(programsVariable, dir); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

const programsVariable = "ENDTOEND_PROGRAMS"

func programs(t *testing.T) binaries {
	t.Helper()
	dir := os.Getenv(programsVariable)
	b := binaries{
		server: filepath.Join(dir, "runs-fleet"), agent: filepath.Join(dir, "runs-fleet-agent"), demo: filepath.Join(dir, "runs-fleet-demo"),
	}
	for _, p := range []string{b.server, b.agent, b.demo} {
		if _, err := os.Stat(p); err != nil {
			t.Fatal(err)
		}
	}
	return b
}
