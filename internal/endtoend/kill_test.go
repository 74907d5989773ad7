package endtoend_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const burst = `
on: workflow_dispatch
jobs:
  work:
    strategy:
      matrix:
        n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        m: [0, 1, 2, 3, 4]
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2
    steps:
      - run: sleep 0.5; echo "ran ${{ matrix.n }}.${{ matrix.m }}"
`

func TestServerKilledDuringABurst(t *testing.T) {
	// RestartSafe, AckAfterDurable: every job runs once, running agents are adopted, nothing is left over
	s := start(t, options{maxRunners: 6})
	run := s.workflow("burst.yml", burst)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5 {
		until := time.Now().Add(time.Duration(300+random.IntN(2500)) * time.Millisecond)
		s.await(time.Minute, "it is time", func() bool { return time.Now().After(until) })
		s.kill()
		s.startServer()
	}
	s.await(4*time.Minute, "all jobs are done", func() bool { return s.done(run) })
	s.ranOnce(50)
	s.await(2*time.Minute, "nothing is left", s.nothingLeft)
}

// ranOnce checks that every job succeeded, and that GitHub gave each to one runner only.
func (s *system) ranOnce(want int) {
	s.t.Helper()
	runs, err := s.client.Runs(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, run := range runs {
		for _, j := range s.jobs(run) {
			n++
			if j.Conclusion != "success" {
				s.t.Errorf("job %s ended with %s\n%s", j.Name, j.Conclusion, tail(s.jobLog(j.ID), 2000))
			}
			if log := s.jobLog(j.ID); strings.Count(log, "ran ") == 0 {
				s.t.Errorf("job %s did not run:\n%s", j.Name, log)
			}
			if j.Missed > 0 {
				s.t.Errorf("job %s was given to a runner that did not take it", j.Name)
			}
		}
	}
	if n != want {
		s.t.Errorf("%d jobs, want %d", n, want)
	}
}

func TestAgentKilledBeforeItsJob(t *testing.T) {
	// the job runs elsewhere
	s := start(t, options{bootDelay: 2 * time.Second})
	run := s.workflow("hello.yml", oneJob)
	s.await(30*time.Second, "an agent runs", func() bool { return len(s.agents()) == 1 })
	s.killAgents()
	s.await(90*time.Second, "the job is done", func() bool { return s.done(run) })
	if j := s.jobs(run)[0]; j.Conclusion != "success" {
		t.Errorf("the job ended with %s", j.Conclusion)
	}
	s.await(time.Minute, "nothing is left", s.nothingLeft)
}

func (s *system) killAgents() {
	for _, pid := range s.agents() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			s.t.Errorf("killing agent %d: %v", pid, err)
		}
	}
}

const escapes = `
on: workflow_dispatch
jobs:
  daemon:
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2
    steps:
      - run: |
          setsid nohup sleep %[1]s >/dev/null 2>&1 &
          (setsid sh -c 'nohup sleep %[1]s' &) </dev/null >/dev/null 2>&1 &
          sleep 600
`

func TestAgentKilledDuringItsJob(t *testing.T) {
	// its processes are gone within 5 s, setsid and nohup children included; the job ends as GitHub would end it
	s := start(t, options{speedup: 60})
	marker := fmt.Sprintf("9%06d", os.Getpid())
	run := s.workflow("escape.yml", fmt.Sprintf(escapes, marker))
	s.await(time.Minute, "the daemons run", func() bool { return len(sleepers(marker)) >= 2 })
	s.killAgents()
	s.await(5*time.Second, "nothing of the job runs", func() bool { return len(sleepers(marker)) == 0 })
	s.await(2*time.Minute, "the job has ended", func() bool { return s.done(run) })
	if j := s.jobs(run)[0]; j.Conclusion != "failure" && j.Conclusion != "cancelled" {
		t.Errorf("the job ended with %s", j.Conclusion)
	}
	s.await(2*time.Minute, "nothing is left", s.nothingLeft)
}

// sleepers lists the host's processes that sleep for so many seconds.
func sleepers(seconds string) []string {
	var out []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), "sleep\x00"+seconds) {
			out = append(out, path)
		}
	}
	return out
}
