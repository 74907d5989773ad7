package controller

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// TestAbsence: a listing without a machine says little (failure modes M21, N12: listings lag behind launches).
func TestAbsence(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	old := fleet.Machine{State: fleet.MachineWorking, Launched: now.Add(-time.Hour)}
	for name, c := range map[string]struct {
		change                    func(*fleet.Machine)
		absent, changed, wantOver bool
	}{
		"first time":                       {change: func(*fleet.Machine) {}, absent: true, changed: true},
		"for two minutes":                  {change: func(m *fleet.Machine) { m.Absent = now.Add(-absentFor) }, absent: true, wantOver: true},
		"for less":                         {change: func(m *fleet.Machine) { m.Absent = now.Add(-absentFor + time.Second) }, absent: true},
		"just launched":                    {change: func(m *fleet.Machine) { m.Launched = now.Add(-time.Minute) }},
		"while its agent renews its lease": {change: func(m *fleet.Machine) { m.Lease = now.Add(time.Second) }},
		"for long, while its agent renews its lease": {
			change: func(m *fleet.Machine) { m.Lease, m.Absent = now.Add(time.Second), now.Add(-time.Hour) }, changed: true,
		},
		"for long, after a registration was handed to it": { // rule 6.2: its job may go on
			change: func(m *fleet.Machine) {
				m.Runners, m.Absent = []fleet.Runner{{Name: "rf-1-i-1-1", HandedOut: now.Add(-time.Hour)}}, now.Add(-time.Hour)
			}, changed: true,
		},
		"after its end": {change: func(m *fleet.Machine) { m.State = fleet.MachineGone }},
	} {
		t.Run(name, func(t *testing.T) {
			m := old
			c.change(&m)
			next, changed, over := absence(m, now)
			if changed != c.changed || over != c.wantOver || next.Absent.IsZero() == c.absent {
				t.Errorf("absence = absent since %v, changed %v, over %v; want absent %v, changed %v, over %v",
					next.Absent, changed, over, c.absent, c.changed, c.wantOver)
			}
		})
	}
}
