package endtoend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// slowJob runs until its machine ends.
const slowJob = `
on: workflow_dispatch
jobs:
  wait:
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2
    steps:
      - run: sleep 600
`

// Of a machine whose agent was killed, and of one that ran a job to its end, every server shows the logs when the host that
// had them is gone.
//
// failure mode G4
func TestLogsOfMachinesAreReadAtEveryServer(t *testing.T) {
	s := start(t, options{replicas: 2})
	s.workflow("slow.yml", slowJob)
	s.await(time.Minute, "the job runs", func() bool { return strings.Contains(s.serverLog(), "state=in_progress") })
	s.killAgents()
	run := s.workflow("hello.yml", oneJob)
	s.await(90*time.Second, "the job is done", func() bool { return s.done(run) })

	var servers []*client.Client
	for _, r := range s.several.replicas {
		f := r.file()
		c, err := client.New(f.URL, f.Token, seam.System{})
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, c)
	}
	killed, worked := view.Machine{}, view.Machine{}
	s.await(time.Minute, "both machines have ended, and logs been archived", func() bool {
		page, err := servers[0].Machines(t.Context(), true, "", 0)
		for _, m := range page.Machines {
			if strings.HasPrefix(m.Reason, "its job has ended") {
				worked = m
			} else {
				killed = m
			}
		}
		return err == nil && killed.ID != "" && worked.ID != "" && strings.Contains(s.objects(), killed.ID) && strings.Contains(s.objects(), worked.ID)
	})

	stopHost(s)
	for i, c := range servers {
		console, err := c.MachineLog(t.Context(), killed.Environment, killed.Region, killed.ID, "console")
		if err != nil || len(console) == 0 {
			t.Errorf("server %d: the console of %s: %q, %v", i+1, killed.ID, console, err)
		}
		runner, err := c.MachineLog(t.Context(), worked.Environment, worked.Region, worked.ID, "runner")
		if err != nil || !strings.Contains(string(runner), "Runner_") {
			t.Errorf("server %d: the runner's log of %s: %q, %v", i+1, worked.ID, runner, err)
		}
	}
}

// stopHost ends the host, which alone remembers what its machines printed.
func stopHost(s *system) {
	s.t.Helper()
	if err := s.several.host.Cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.several.host.Wait()
}
