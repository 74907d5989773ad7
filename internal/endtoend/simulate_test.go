package endtoend_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSimulate runs the two programs of a forecast as a user's shell does: nothing of the simulation's own machinery shows.
func TestSimulate(t *testing.T) {
	bin := programs(t)
	once, err := exec.Command(bin.server, "simulate", "--jobs", "12", "--over", "5m", "--duration", "1m", "--max-runners", "4").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, once)
	}
	if !strings.HasPrefix(string(once), "12 jobs within 5 m 0 s, steady; they run for 1m") || !strings.Contains(string(once), "\nmost at a time ") {
		t.Errorf("it prints %s", once)
	}
	for _, word := range []string{"PASS", "testing", "--- "} {
		if strings.Contains(string(once), word) {
			t.Errorf("it prints %q: %s", word, once)
		}
	}
	again, err := exec.Command(bin.server, "simulate", "--jobs", "12", "--over", "5m", "--duration", "1m", "--max-runners", "4").CombinedOutput()
	if err != nil || !bytes.Equal(again, once) {
		t.Errorf("the same command prints something else the second time (%v): %s", err, again)
	}
}

func TestSimulateWithoutItsOtherProgram(t *testing.T) {
	program, err := os.ReadFile(programs(t).server)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "runs-fleet")
	if err := os.WriteFile(alone, program, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(alone, "simulate", "--jobs", "1")
	cmd.Env = []string{"PATH=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "runs-fleet-simulate is neither beside this program nor on the PATH: go install ") {
		t.Errorf("%v: it says %s", err, out)
	}
}

// TestTheSimulatingProgram is for people who start it themselves.
func TestTheSimulatingProgram(t *testing.T) {
	program := filepath.Join(filepath.Dir(programs(t).server), "runs-fleet-simulate")
	if out, err := exec.Command(program).CombinedOutput(); err == nil || !strings.Contains(string(out), "is started by runs-fleet simulate") {
		t.Errorf("%v: it says %s", err, out)
	}
	cmd := exec.Command(program, "plan")
	cmd.Stdin = strings.NewReader(`{"version": "v0.0.1", "jobs": [{}]}`)
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "install both programs from one build") {
		t.Errorf("%v: it answers %s", err, out)
	}
}
