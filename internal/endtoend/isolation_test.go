package endtoend_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// probe tries, from inside a job, everything that a job must not be able to do. Each line that begins with BREACH is one.
const probe = `
on: workflow_dispatch
jobs:
  neighbour:
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2/id=a
    steps:
      - run: echo "the neighbour's secret" > secret.txt; chmod 666 secret.txt; echo "ran"; sleep 6
  probe:
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2/id=b
    steps:
      - run: |
          set +e
          breach() { echo "BREACH: $*"; }
          cat %[1]s/server.json 2>/dev/null && breach "the server's token"
          ls %[1]s/*.db* 2>/dev/null && breach "the database"
          ls %[1]s/machines/instances/*/state.json 2>/dev/null && breach "state files"
          find / -name secret.txt -not -path '/proc/*' 2>/dev/null | grep . && breach "another job's files"
          env | grep -E 'RUNS_FLEET|ghp_|GITHUB_TOKEN=ghp' && breach "the server's environment in mine"
          for p in /proc/[0-9]*; do
            tr '\0' '\n' < $p/environ 2>/dev/null | grep -E 'RUNS_FLEET_(GITHUB|WEBHOOK)' && breach "the environment of $p"
            tr '\0' ' ' < $p/cmdline 2>/dev/null | grep -E 'runs-fleet serve' && breach "the server's process is visible"
          done
          ls -d /proc/%[2]d 2>/dev/null && grep -q runs-fleet /proc/%[2]d/comm 2>/dev/null && breach "the server's process"
          tr '\0' '\n' < /proc/1/environ 2>/dev/null | grep . && breach "the agent's environment"
          head -c 1 /proc/1/mem 2>/dev/null && breach "the agent's memory"
          cat /proc/1/root/etc/shadow 2>/dev/null && breach "the agent's root"
          kill -9 1 2>/dev/null; kill -STOP 1 2>/dev/null # process 1 of a namespace is deaf to both: what follows proves it
          for path in / /api/v1/status /api/v1/jobs /api/v1/machines /metrics; do
            code=$(curl -s -o /dev/null -w '%%{http_code}' %[3]s$path)
            case "$code" in 401|403|404|303|302|000) ;; *) breach "$path answered $code" ;; esac
          done
          code=$(curl -s -o /dev/null -w '%%{http_code}' -X POST -d '{}' %[3]s/agent/v1/hello)
          case "$code" in 2*) breach "hello without a token" ;; esac
          sudo -n true 2>/dev/null && breach "sudo"
          docker ps 2>/dev/null && breach "docker"
          touch /usr/bin/evil /etc/evil %[1]s/evil 2>/dev/null && breach "may write outside"
          grep -E '^Cap(Eff|Prm|Bnd):' /proc/self/status | grep -v -E '0000000000000000$' | grep CapEff && breach "capabilities"
          ls /tmp | grep -E 'runs-fleet-test' && breach "the host's /tmp"
          echo "ran as $(id -u), process 1 is $(cat /proc/1/comm 2>/dev/null)"
          exit 0
`

func TestJobCannotReachTheServerOrOtherJobs(t *testing.T) {
	// NoPowerInJob, Isolation: tried for real from inside a job
	s := start(t, options{maxRunners: 2})
	f := s.serverFile()
	run := s.workflow("probe.yml", fmt.Sprintf(probe, s.data(), f.PID, f.URL))
	s.await(time.Minute, "both are done", func() bool { return s.done(run) })
	for _, j := range s.jobs(run) {
		log := s.jobLog(j.ID)
		for line := range strings.Lines(log) {
			if found := strings.Contains(line, "BREACH: "); found && !strings.Contains(line, "breach \"") && !strings.Contains(line, "echo \"") {
				t.Error(strings.TrimSpace(line))
			}
		}
		if j.Conclusion != "success" || !strings.Contains(log, "ran") {
			t.Errorf("%s ended with %s:\n%s", j.Name, j.Conclusion, log)
		}
	}
	s.await(time.Minute, "nothing is left", s.nothingLeft)
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*secret*")); len(left) > 0 {
		t.Errorf("a job left %v behind", left)
	}
}
