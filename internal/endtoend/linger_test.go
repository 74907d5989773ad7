package endtoend_test

import (
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/endtoend/harness"
)

// TestDemoStaysUpUntilCtrlCAndInvitesToTheDashboard opens the address that the demo prints at its end.
func TestDemoStaysUpUntilCtrlCAndInvitesToTheDashboard(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hello.yml")
	if err := os.WriteFile(file, []byte(oneJob), 0o600); err != nil {
		t.Fatal(err)
	}
	var out harness.Screen
	cmd := exec.Command(programs(t).demo, "--workflow", file)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, t.TempDir()
	p := harness.Launch(t, cmd)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, unless the test has failed
		_ = p.Wait()
	})
	address := ""
	harness.Await(t, time.Minute, "an address is printed, or the demo has ended", func() bool {
		if m := regexp.MustCompile(`(?m)^  (http://127\.0\.0\.1:\d+/\S+)$`).FindStringSubmatch(out.String()); m != nil {
			address = m[1]
		}
		return address != "" || p.Over()
	}, out.String)
	if p.Over() {
		t.Fatalf("the demo ended by itself: %v\n%s", p.Wait(), out.String())
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	defer browser.CloseIdleConnections()
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the address answers %s", resp.Status)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil || !strings.Contains(out.String(), "Left behind: no process, no registration") {
		t.Errorf("the demo ended with %v:\n%s", err, out.String())
	}
}
