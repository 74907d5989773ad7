package endtoend_test

import (
	"bytes"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is what a program has printed so far.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// TestDemoStaysUpUntilCtrlCAndInvitesToTheDashboard opens the address that the demo prints at its end.
func TestDemoStaysUpUntilCtrlCAndInvitesToTheDashboard(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hello.yml")
	if err := os.WriteFile(file, []byte(oneJob), 0o600); err != nil {
		t.Fatal(err)
	}
	var out screen
	cmd := exec.Command(programs(t).demo, "--workflow", file)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, t.TempDir()
	p := launch(t, cmd)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, unless the test has failed
		p.wait()
	})
	address := ""
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for address == "" {
		if m := regexp.MustCompile(`(?m)^  (http://127\.0\.0\.1:\d+/\S+)$`).FindStringSubmatch(out.String()); m != nil {
			address = m[1]
		}
		select {
		case <-tick.C:
		case <-p.done:
			t.Fatalf("the demo ended by itself: %v\n%s", p.err, out.String())
		case <-deadline.C:
			t.Fatalf("no address was printed:\n%s", out.String())
		}
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
	p.wait()
	if p.err != nil || !strings.Contains(out.String(), "Left behind: no process, no registration") {
		t.Errorf("the demo ended with %v:\n%s", p.err, out.String())
	}
}
