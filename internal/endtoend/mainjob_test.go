package endtoend_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

const oneJob = `
on: workflow_dispatch
jobs:
  hello:
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2
    steps:
      - run: echo "hello from $RUNNER_NAME"
`

func TestJobRunsOnAnEphemeralRunner(t *testing.T) {
	for _, o := range []options{{}, {polls: true}} {
		t.Run(fmt.Sprintf("polling=%v", o.polls), func(t *testing.T) {
			s := start(t, o)
			run := s.workflow("hello.yml", oneJob)
			s.await(time.Minute, "the job is done", func() bool { return s.done(run) })
			job := s.jobs(run)[0]
			if job.Conclusion != "success" || !strings.HasPrefix(job.RunnerName, "rf-") {
				t.Errorf("the job ended with %s on %q\n%s", job.Conclusion, job.RunnerName, s.jobLog(job.ID))
			}
			if log := s.jobLog(job.ID); !strings.Contains(log, "hello from") {
				t.Errorf("log:\n%s", log)
			}
			s.await(30*time.Second, "nothing is left", s.nothingLeft)
			out, err := s.cli("jobs", "list", "--output", "json")
			if err != nil || !strings.Contains(out, fmt.Sprint(job.ID)) {
				t.Errorf("jobs list = %s, %v", out, err)
			}
			s.await(30*time.Second, "the command line says that the job ended", func() bool {
				out, err = s.cli("jobs", "why", fmt.Sprint(job.ID))
				if err != nil {
					t.Fatal(err)
				}
				return strings.Contains(out, "It ended")
			})
		})
	}
}

func TestDemoRunsItsExamples(t *testing.T) {
	bin := programs(t)
	for _, args := range [][]string{nil, {"--poll"}, {"--token"}, {"--aws"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			cmd := exec.Command(bin.demo, append([]string{"--once", "--output", "json"}, args...)...)
			cmd.Stderr = os.Stderr
			if !slices.Contains(args, "--aws") { // the emulators are in the checkout
				cmd.Dir = t.TempDir()
			}
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var v any
			if err := json.Unmarshal(out, &v); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, out)
			}
		})
	}
}
