package local_test

import (
	"crypto/sha256"
	"encoding/hex"
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
	r := newRig(t, nil)
	id := r.launch(t, "launch-1", 1)[0]
	if said := r.run(t, id, "echo hello from $PWD"); said != "hello from /run/runner\n" {
		t.Errorf("the job said %q", said)
	}
	report := r.await(id, "done", func(r agentapi.Report) bool { return r.Done })
	t.Logf("%+v", report)
}
