package ec2_test

import (
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/providertest"
)

func TestProvider(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Backend {
		t.Helper()
		return providertest.Backend{
			Provider: newWorld(t, 500).provider(), Site: site, TellsNoTime: true,
			Spec:       fleet.Spec{CPU: fleet.Range{Min: 2, Max: 4}, Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux},
			Impossible: fleet.Spec{CPU: fleet.Range{Min: 2, Max: 4}, Archs: []fleet.Arch{fleet.ARM64}, OS: fleet.Linux, Families: []string{"c7i"}},
		}
	})
}
