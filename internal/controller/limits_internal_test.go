package controller

import (
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// Every limit that holds a launch back is told to whoever waits, in one sentence with a time.
func TestEveryLimitHasItsSentence(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    situation
		want string
	}{
		{"no limit", situation{Free: 9, Paced: 9}, "It was queued 1m40s ago and is about to be given a machine."},
		{"draining", situation{Free: 9, Paced: 9, Draining: true}, "No machine could be launched for it since 2023-11-14 22:14:10 UTC: the fleet is draining and launches nothing more."},
		{
			"every market rests",
			situation{Free: 9, Paced: 9, Resting: "the provider could not start a machine (capacity: none left); the next try is at 22:20:00 UTC"},
			"No machine could be launched for it since 2023-11-14 22:14:10 UTC: the provider could not start a machine (capacity: none left); the next try is at 22:20:00 UTC.",
		},
		{"the provider is full", situation{Free: 0, Paced: 9}, "No machine could be launched for it since 2023-11-14 22:14:10 UTC: every place for a machine is taken."},
		{"the provider is nearly full", situation{Free: 1, Paced: 9}, "No machine could be launched for it since 2023-11-14 22:14:10 UTC: there is room for one more machine only."},
		{"the provider has some room", situation{Free: 2, Paced: 9}, "No machine could be launched for it since 2023-11-14 22:14:10 UTC: there is room for 2 more machines only."},
		{
			"the environment is full",
			situation{Free: 9, Paced: 9, MaxRunners: 4, Live: 4},
			"No machine could be launched for it since 2023-11-14 22:14:10 UTC: 4 of 4 runners of the environment are in use.",
		},
		{
			"others are older",
			situation{Free: 9, Paced: 9, MaxRunners: 8, Live: 4, OlderWant: 4},
			"No machine could be launched for it since 2023-11-14 22:14:10 UTC: 4 of 8 runners of the environment are in use, and older jobs go first.",
		},
		{
			"GitHub's pace",
			situation{Free: 9, Paced: 0},
			"No machine could be launched for it since 2023-11-14 22:14:10 UTC: GitHub allows about 180 registrations a minute, and that many machines are on their way.",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d decision
			const needed = 3
			tt.s.launch(&d, needed)
			v := record.View{Head: record.Kept[record.Head]{V: record.Head{Limit: d.Limit, LimitSince: sec(50)}, Version: 1}}
			if got := explain(fleet.Job{State: fleet.JobQueued, Demand: "d", Queued: sec(0)}, fleet.DemandState{}, v, sec(100)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
