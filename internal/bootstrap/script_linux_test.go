package bootstrap_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/bootstrap"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// machine is a root folder in which the script runs with the system's tools; only systemd is a stand-in, which writes down what it
// was told.
type machine struct {
	root string
	told string // the stand-in's file
}

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{root: t.TempDir()}
	m.told = filepath.Join(m.root, "told")
	bin := filepath.Join(m.root, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"systemctl", "systemd-run"} {
		content := "#!/bin/sh\necho " + name + " \"$@\" >>" + m.told + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// boot runs the script to its end and says whether it was content, and what systemd was told.
func (m machine) boot(t *testing.T, s bootstrap.Script) (ok bool, told, log string) {
	t.Helper()
	content, err := s.Render()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(m.root, "user-data")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "bash", file)
	c.Env = []string{
		"PATH=" + filepath.Join(m.root, "bin") + ":" + os.Getenv("PATH"), "RUNS_FLEET_ROOT=" + m.root,
		"RUNS_FLEET_CONSOLE=" + filepath.Join(m.root, "console"),
	}
	output, err := c.CombinedOutput()
	t.Logf("%s", output)
	b, _ := os.ReadFile(m.told)
	l, readErr := os.ReadFile(filepath.Join(m.root, "var/log/runs-fleet-bootstrap.log"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	return err == nil, string(b), string(l)
}

// agent is a control plane that has a program of this machine's architecture, and sends what it is told to.
func agent(t *testing.T, sends string) (url string, s bootstrap.Script) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(file, []byte(sends), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("the agent"))
	p := bootstrap.Program{File: file, Arch: fleet.Arch(runtime.GOARCH), SHA256: hex.EncodeToString(sum[:])}
	server := httptest.NewServer(bootstrap.Handler([]bootstrap.Program{p}, http.NotFoundHandler()))
	t.Cleanup(server.Close)
	return server.URL, script(func(s *bootstrap.Script) {
		s.ControlPlane, s.AMD64, s.ARM64 = server.URL, "", ""
		if p.Arch == fleet.ARM64 {
			s.ARM64 = p.SHA256
		} else {
			s.AMD64 = p.SHA256
		}
	})
}

func TestAMachineFetchesItsAgentAndStartsIt(t *testing.T) { // failure modes E11, G6
	m := newMachine(t)
	url, s := agent(t, "the agent")
	ok, told, log := m.boot(t, s)
	if !ok || strings.Contains(told, "\nsystemctl poweroff") {
		t.Fatalf("the boot failed:\n%s\n%s", told, log)
	}
	want := []string{
		"systemd-run --unit=runs-fleet-boot --on-active=600", "systemctl daemon-reload",
		"systemctl enable --now runs-fleet-agent.service", "systemctl stop runs-fleet-boot.timer",
	}
	at := -1
	for _, w := range want {
		i := strings.Index(told, w)
		if i <= at {
			t.Errorf("systemd was not told %q in its turn:\n%s", w, told)
		}
		at = i
	}
	program := filepath.Join(m.root, "opt/runs-fleet/runs-fleet-agent")
	content, err := os.ReadFile(program)
	info, statErr := os.Stat(program)
	if err != nil || statErr != nil || string(content) != "the agent" || info.Mode().Perm() != 0o700 {
		t.Errorf("the agent is %q, %v: %v %v", content, info, err, statErr)
	}
	unit, err := os.ReadFile(filepath.Join(m.root, "etc/systemd/system/runs-fleet-agent.service"))
	if err != nil || !strings.Contains(string(unit), "Environment=RUNS_FLEET_CONTROL_PLANE="+url+"\n") {
		t.Errorf("the unit does not say where the control plane is: %v\n%s", err, unit)
	}
	for _, step := range []string{"begins", "fetched the agent", "checked the agent", "the agent is started"} {
		if !strings.Contains(log, step+"\n") {
			t.Errorf("the log has no time of %q:\n%s", step, log)
		}
	}
	if console, err := os.ReadFile(filepath.Join(m.root, "console")); err != nil || !strings.Contains(string(console), "the agent is started") {
		t.Errorf("the console shows nothing: %v, %q", err, console)
	}
}

func TestAMachineThatCannotBootPowersOff(t *testing.T) { // failure modes G2, G4
	for name, tt := range map[string]struct {
		sends string
		swap  func(*bootstrap.Script)
		says  string
	}{
		"the agent is another one":             {"another agent", func(*bootstrap.Script) {}, "is not the one with the digest"},
		"no agent for this architecture":       {"the agent", func(s *bootstrap.Script) { s.AMD64, s.ARM64 = s.ARM64, s.AMD64 }, "no agent for the architecture"},
		"something that was not thought about": {"the agent", func(*bootstrap.Script) {}, "failed: line"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			_, s := agent(t, tt.sends)
			tt.swap(&s)
			if tt.says == "failed: line" { // the folder's place is taken
				if err := os.WriteFile(filepath.Join(m.root, "opt"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ok, told, log := m.boot(t, s)
			if ok || !strings.HasSuffix(told, "systemctl poweroff\n") || !strings.Contains(log, tt.says) {
				t.Errorf("ok %v; systemd was told\n%sand the log says\n%s", ok, told, log)
			}
		})
	}
}
