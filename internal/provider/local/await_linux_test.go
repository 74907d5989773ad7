package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// wait looks until something that happens outside of this process is so.
func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	const patience, pause = 20 * time.Second, 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !so() {
		if (seam.System{}).Sleep(ctx, pause) != nil {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (r *rig) instance(t *testing.T, id string) provider.Instance {
	t.Helper()
	all, err := r.provider.List(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.ID == id {
			return i
		}
	}
	return provider.Instance{}
}

func (r *rig) awaitEnd(t *testing.T, id string) provider.Instance {
	t.Helper()
	var i provider.Instance
	wait(t, "the end of "+id, func() bool {
		i = r.instance(t, id)
		return i.State == provider.Terminated
	})
	return i
}

// stateFile is what tests read of an instance's state file.
type stateFile struct {
	Process struct{ PID int }
}

func (r *rig) state(t *testing.T, id string) stateFile {
	t.Helper()
	var s stateFile
	b, err := os.ReadFile(filepath.Join(r.options.Dir, "instances", id, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *rig) killAgent(t *testing.T, id string) {
	t.Helper()
	if err := syscall.Kill(r.state(t, id).Process.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) pid(t *testing.T, id string) string {
	t.Helper()
	return strconv.Itoa(r.state(t, id).Process.PID)
}

// rewrite changes fields of a state file; nil removes one.
func (r *rig) rewrite(t *testing.T, id string, fields map[string]any) {
	t.Helper()
	path := filepath.Join(r.options.Dir, "instances", id, "state.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]any{}
	if err := json.Unmarshal(b, &state); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		if state[name] = value; value == nil {
			delete(state, name)
		}
	}
	if b, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func bootID(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// runAgent runs the agent with a configuration at descriptor 3.
func runAgent(t *testing.T, command, configuration string) (int, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString(configuration); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.CommandContext(t.Context(), os.Getenv(agentVariable), command)
	cmd.ExtraFiles = []*os.File{r}
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(output)
}

// recording remembers the secrets it gave.
type recording struct {
	seam.Crypto
	mu    sync.Mutex
	given []string
}

func (r *recording) Token(bytes int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given = append(r.given, r.Crypto.Token(bytes))
	return r.given[len(r.given)-1]
}

func (r *recording) longest() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.MaxFunc(r.given, func(a, b string) int { return len(a) - len(b) })
}

// movable is the system's clock, moved.
type movable struct {
	seam.System
	mu    sync.Mutex
	moved time.Duration
}

func (m *movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.System.Now().Add(m.moved)
}

func (m *movable) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moved += d
}
