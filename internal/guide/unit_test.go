package guide_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readUnit(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), "deploy/systemd/runs-fleet.service"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTheUnitIsSound asks systemd itself where it is installed; everywhere the form is looked at.
func TestTheUnitIsSound(t *testing.T) {
	unit := readUnit(t)
	section, known := "", map[string]bool{"Unit": true, "Service": true, "Install": true}
	for i, line := range strings.Split(unit, "\n") {
		if name, ok := strings.CutPrefix(line, "["); ok {
			if section = strings.TrimSuffix(name, "]"); !known[section] {
				t.Errorf("line %d: no section of a service: %s", i+1, line)
			}
			continue
		}
		setting := regexp.MustCompile(`^[A-Z][A-Za-z]+=\S.*$`).MatchString(line) && section != ""
		if line != "" && !strings.HasPrefix(line, "#") && !setting {
			t.Errorf("line %d is neither a setting nor a comment: %q", i+1, line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // the form has been looked at, and systemd is not here to say more
	}
	// It wants the program to exist.
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "runs-fleet.service")
	if err := os.WriteFile(copied, []byte(strings.Replace(unit, "/usr/local/bin/runs-fleet", program, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", copied).CombinedOutput()
	if err != nil || strings.Contains(string(out), copied) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// TestARestartOfTheServiceEndsNoJob holds what the architecture relies on: only the server is told to stop, by the signal
// after which it leaves its agents at work.
func TestARestartOfTheServiceEndsNoJob(t *testing.T) {
	for _, want := range []string{"KillMode=process", "KillSignal=SIGTERM", "TimeoutStopSec=", "Restart=on-failure", "Delegate=yes"} {
		if !strings.Contains(readUnit(t), "\n"+want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
}
