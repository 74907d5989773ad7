package local_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/providertest"
)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Backend {
		return providertest.Backend{
			Provider: newRig(t, nil).provider, Site: site,
			Impossible: fleet.Spec{OS: fleet.Windows},
		}
	})
}

func TestAJobRunsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.launch(t, "launch-1", 1)[0]
	if said := r.run(t, id, "echo hello from $PWD"); said != "hello from /run/runner\n" {
		t.Errorf("the job said %q", said)
	}
	report := r.await(id, "done", func(r agentapi.Report) bool { return r.Done })
	for _, phase := range []string{"boot", "hello", "folder ready", "listener started", "connected", "job started", "job ended"} {
		if !strings.Contains(phases(report), phase+" (") {
			t.Errorf("no phase %q in %s", phase, phases(report))
		}
	}
	if !report.WorkerStarted || report.WorkerRunning || report.ExitCode == nil || *report.ExitCode != 0 {
		t.Errorf("the goodbye is %+v", report)
	}
	if !strings.Contains(report.Diagnostics, "hello from") {
		t.Errorf("the diagnostics are %q", report.Diagnostics)
	}
	r.order(id, agentapi.Orders{Command: agentapi.CommandPowerOff})
	r.awaitEnd(t, id)
	wait(t, "its folder and control groups to be removed", func() bool {
		_, err := os.Stat(filepath.Join(r.options.Dir, "instances", id, "box"))
		groups, _ := filepath.Glob("/sys/fs/cgroup/*/runs-fleet-" + id)
		return err != nil && len(groups) == 0
	})
}

func TestTheAgentReapsWhatHasLostItsParent(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.launch(t, "launch-1", 1)[0]
	said := r.run(t, id, `for i in 1 2 3 4 5 6 7 8 9; do (sh -c "exit 3" &); done; sleep 1
for s in /proc/[0-9]*/stat; do cut -d")" -f2 $s; done | grep -c "^ Z" || echo "and that is all"`)
	if said != "0\nand that is all\n" {
		t.Errorf("ended processes that nobody reaped: %q", said)
	}
}
