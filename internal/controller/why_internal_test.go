package controller

import (
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

func TestExplain(t *testing.T) {
	waits := fleet.Job{State: fleet.JobQueued, Demand: "d", Queued: sec(0)}
	with := func(f func(*record.View)) record.View {
		v := record.View{Head: record.Kept[record.Head]{V: record.Head{Key: "s"}, Version: 1}, Jobs: []record.QueuedEntry{queued(1, "d", 0)}}
		f(&v)
		return v
	}
	tests := []struct {
		name string
		j    fleet.Job
		d    fleet.DemandState
		v    record.View
		want string
	}{
		{"completed", fleet.Job{State: fleet.JobCompleted, Conclusion: "failure", Ended: sec(5)}, fleet.DemandState{}, record.View{}, "It ended at 2023-11-14 22:13:25 UTC: failure."},
		{"refused", fleet.Job{State: fleet.JobQueued, Problem: &fleet.Problem{Detail: "unknown key cpus"}}, fleet.DemandState{}, record.View{}, "It is refused: unknown key cpus."},
		{"running", fleet.Job{State: fleet.JobInProgress, Runner: "rf-1", Started: sec(5)}, fleet.DemandState{}, record.View{}, "It has been running since 2023-11-14 22:13:25 UTC on rf-1."},
		{"waiting", fleet.Job{State: fleet.JobWaiting}, fleet.DemandState{}, record.View{}, "GitHub holds it back"},
		{"backing off", fleet.Job{State: fleet.JobQueued, BackoffUntil: sec(400)}, fleet.DemandState{}, record.View{}, "the next try is at 2023-11-14 22:20:00 UTC"},
		{"refused mint", waits, fleet.DemandState{RefusedUntil: sec(400), Refusal: "no permission"}, record.View{}, "GitHub refuses to register a runner for its labels (no permission)"},
		{
			"no room", waits,
			fleet.DemandState{},
			with(func(v *record.View) {
				v.Head.V.Limit, v.Head.V.LimitSince = "3 of 3 runners of the environment are in use", sec(50)
			}),
			"No machine could be launched for it since 2023-11-14 22:14:10 UTC: 3 of 3 runners of the environment are in use.",
		},
		{
			"no room, and it came later",
			fleet.Job{State: fleet.JobQueued, Demand: "d", Queued: sec(60)},
			fleet.DemandState{},
			with(func(v *record.View) {
				v.Head.V.Limit, v.Head.V.LimitSince = "every place for a machine is taken", sec(50)
			}),
			"No machine could be launched for it since 2023-11-14 22:14:20 UTC: every place for a machine is taken.",
		},
		{"a runner listens for an older job, and a machine boots", waits, fleet.DemandState{}, with(func(v *record.View) {
			v.Jobs = append([]record.QueuedEntry{queued(2, "d", -10)}, v.Jobs...)
			v.Machines = []fleet.Count{counted(1, fleet.MachineListening, "d"), counted(2, fleet.MachineStarting, "")}
		}), "One machine is booting for its shape (queued for 1m40s)."},
		{"one is on order", waits, fleet.DemandState{}, with(func(v *record.View) { v.Launches = []record.LaunchEntry{{Outstanding: 1, Created: sec(90)}} }), "One machine is on order from the provider (queued for 1m40s)."},
		{"on order", waits, fleet.DemandState{}, with(func(v *record.View) { v.Launches = []record.LaunchEntry{{Outstanding: 2, Created: sec(90)}} }), "2 machines are on order"},
		{"ordered in vain", waits, fleet.DemandState{}, with(func(v *record.View) {
			v.Launches = []record.LaunchEntry{{Outstanding: 1, Created: sec(30)}, {Outstanding: 1, Created: sec(20)}}
		}), "The provider has not answered since 2023-11-14 22:13:40 UTC whether it starts a machine; the same order is repeated (queued for 1m40s)."},
		{"booting", waits, fleet.DemandState{}, with(func(v *record.View) { v.Machines = []fleet.Count{counted(1, fleet.MachineStarting, "")} }), "One machine is booting for its shape"},
		{"ready", waits, fleet.DemandState{}, with(func(v *record.View) { v.Machines = []fleet.Count{counted(1, fleet.MachineReady, "")} }), "A machine is ready"},
		{"registering", waits, fleet.DemandState{}, with(func(v *record.View) { v.Machines = []fleet.Count{counted(1, fleet.MachineAssigned, "d")} }), "A machine is being registered"},
		{"a worker has begun", waits, fleet.DemandState{}, with(func(v *record.View) {
			m := counted(1, fleet.MachineWorking, "d")
			m.Worker = true
			v.Machines = []fleet.Count{m}
		}), "A runner with its labels has begun a job"},
		{"listening", waits, fleet.DemandState{}, with(func(v *record.View) { v.Machines = []fleet.Count{counted(1, fleet.MachineListening, "d")} }), "A runner listens for it"},
		{"just queued", waits, fleet.DemandState{}, with(func(*record.View) {}), "is about to be given a machine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := explain(tt.j, tt.d, tt.v, sec(100))
			if !strings.Contains(got, tt.want) {
				t.Errorf("explain = %q, want %q in it", got, tt.want)
			}
		})
	}
}
