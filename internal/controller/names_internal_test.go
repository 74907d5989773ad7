package controller

import (
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func TestNamesOfRunners(t *testing.T) { // rule 4.2, failure mode F5
	const most = 64 // what GitHub takes
	c := &Controller{fleetID: "0badcafe"}
	m := fleet.Machine{ID: fleet.MachineID{ID: strings.Repeat("m", 32)}} // the longest id that a provider may give
	names := map[string]bool{}
	for range fleet.MaxNames {
		name := c.runnerName(m)
		if len(name) > most || !strings.HasPrefix(name, c.namePrefix()) || !strings.Contains(name, m.ID.ID) {
			t.Errorf("name %q of %d characters: want the fleet and the whole machine in at most %d", name, len(name), most)
		}
		if names[name] {
			t.Errorf("the name %q is given twice", name)
		}
		names[name] = true
		m.Runners = append(m.Runners, fleet.Runner{Name: name})
		m.Waits++ // a name that was taken back: the next one is another all the same
		m.Runners = m.Runners[:len(m.Runners)-1]
		if name = c.runnerName(m); names[name] {
			t.Errorf("the name %q is given again after it was taken back", name)
		}
		m.Runners = append(m.Runners, fleet.Runner{Name: name})
		names[name] = true
	}
	other := m
	other.ID.ID = "m-0002"
	if names[c.runnerName(other)] {
		t.Error("two machines have one name")
	}
}
