package endtoend_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/endtoend/harness"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest/browser"
)

// runDemo starts the demo, which stays up until it is told to end, and returns a client of its server.
func runDemo(t *testing.T) *client.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "runs-fleet-test-") //nolint:usetesting // runners have users of their own, who may not go into t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "demo.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(programs(t).demo)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.Stdout, cmd.Stderr = log, log
	demo := harness.Launch(t, cmd)
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Errorf("ending the demo: %v", err)
		}
		_ = demo.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			text, err := os.ReadFile(log.Name())
			t.Errorf("the demo ended with %d (%v)\n%s", code, err, text)
		}
		_ = log.Close()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	var c *client.Client
	await(t, time.Minute, "the demo's server is there", func() bool {
		if demo.Over() {
			t.Fatal("the demo has ended by itself")
		}
		found, err := filepath.Glob(filepath.Join(dir, "runs-fleet-demo-*", "data"))
		if err != nil || len(found) != 1 {
			return false
		}
		file, err := client.ReadServerFile(found[0])
		if err != nil {
			return false
		}
		c, err = client.New(file.URL, file.Token, seam.System{})
		return err == nil
	})
	return c
}

// await waits for what a process of its own does.
func await(t *testing.T, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("not after %s: %s", limit, what)
		case <-tick.C:
		}
	}
}

func TestTheDashboardOfTheRunningDemo(t *testing.T) {
	c := runDemo(t)
	tab := browser.Start(t).Tab(t, 1280, 900)
	tab.Expect("502 (Bad Gateway)") // jobs that never ran have no log
	login, err := c.LoginURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tab.Open(login.URL)
	tab.Until("it has gone on to the overview", "location.pathname === '/' && document.querySelector('.tiles')")
	await(t, 2*time.Minute, "a job runs or has ended, and is shown without a reload", func() bool {
		return tab.Eval("document.querySelectorAll('.lately li').length > 3") == "true"
	})
	tab.Picture("demo-overview-early")
	await(t, 3*time.Minute, "every job has ended", func() bool {
		s, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open := 0
		for _, n := range s.Jobs {
			open += n.Count
		}
		ended, err := c.Jobs(t.Context(), client.JobFilter{State: "completed"}, "", 0)
		return err == nil && open == 0 && len(ended.Jobs) > 3
	})
	tab.Follow("nav a[href='/jobs']")
	tab.Until("ended jobs are listed", "document.querySelectorAll('td .state.success').length > 3")
	links := strings.Fields(tab.Eval(`[...document.querySelectorAll("tbody a.name")].map(a => a.href).join(" ")`))
	logs, timelines := 0, 0
	for _, link := range links {
		tab.Open(link)
		tab.Until("its log is there, or why not", "document.querySelector('#log .lines, #log .notice, #log .empty')")
		if tab.Eval("!!document.querySelector('#log .lines')") == "true" {
			logs++
		}
		if text := tab.Eval("document.querySelector('.waterfall')?.parentElement.innerText"); strings.Contains(text, "The job runs") && strings.Contains(text, "The machine starts") {
			timelines++
		} else {
			t.Logf("timeline of %s: %s", link, text)
		}
		tab.Picture("demo-job-" + filepath.Base(link))
	}
	if len(links) < 5 || logs < 4 || timelines < 4 {
		t.Errorf("%d jobs, %d with a log, %d with a whole timeline", len(links), logs, timelines)
	}
	tab.Open(strings.TrimSuffix(c.Address(), "/") + "/runners?ended=true")
	tab.Until("the machines are listed as ended", "document.querySelectorAll('tbody tr').length > 3")
	tab.Follow("tbody a.name")
	tab.Shows("From its launch to its end")
}
