package timeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/timeline"
)

// at is so many seconds after noon; 0 is no time, as of what has not happened.
func at(seconds float64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// lines writes each step as "label from-to", seconds after noon, with a + if it lasts still.
func lines(parts []timeline.Part) []string {
	var out []string
	noon := at(1).Add(-time.Second)
	for _, p := range parts {
		out = append(out, p.Title)
		for _, s := range p.Spans {
			open := ""
			if s.Open {
				open = "+"
			}
			out = append(out, fmt.Sprintf("  %s %v-%v%s", s.Label, s.From.Sub(noon).Seconds(), s.To.Sub(noon).Seconds(), open))
		}
	}
	return out
}

func whole() (fleet.Job, fleet.Machine) {
	j := fleet.Job{
		State: fleet.JobCompleted, Runner: "rf-a", Created: at(1), Queued: at(2), Started: at(9), Ended: at(69),
		History: fleet.History{{At: at(2), Kind: "queued"}},
	}
	m := fleet.Machine{
		State: fleet.MachineGone, Launched: at(3), Ready: at(5), Assigned: at(6), Connected: at(8), WorkerStarted: at(9), Ended: at(71),
		Runners: []fleet.Runner{{Name: "rf-old", HandedOut: at(6.2)}, {Name: "rf-a", HandedOut: at(7)}},
	}
	return j, m
}

func TestTheStepsOfAJobFromWebhookToTermination(t *testing.T) { // failure mode N33
	j, m := whole()
	want := []string{
		"Until it started",
		"  GitHub to here 1-2", "  Decided and ordered 2-3", "  The machine starts 3-5", "  Waits for a job 5-6", "  Registered at GitHub 6-7",
		"  The runner starts 7-8", "  Listens for the job 8-9",
		"From the start to the end of the machine",
		"  The job runs 9-69", "  Its machine ends 69-71",
	}
	if diff := cmp.Diff(want, lines(timeline.Of(j, &m, at(100)))); diff != "" {
		t.Error(diff)
	}
}

func TestStepsThatLastStill(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*fleet.Job, *fleet.Machine)
		none   bool // no machine
		want   []string
	}{
		{"it waits", func(j *fleet.Job, _ *fleet.Machine) {
			*j = fleet.Job{State: fleet.JobQueued, Queued: at(2)}
		}, true, []string{"Until it started", "  Waits for a machine 2-100+"}},
		{"GitHub holds it", func(j *fleet.Job, _ *fleet.Machine) {
			*j = fleet.Job{State: fleet.JobWaiting, Created: at(2), History: fleet.History{{At: at(3)}}}
		}, true, []string{"Until it started", "  GitHub to here 2-3", "  Held by GitHub 3-100+"}},
		{"it is refused", func(j *fleet.Job, _ *fleet.Machine) {
			*j = fleet.Job{State: fleet.JobQueued, Queued: at(2), Problem: &fleet.Problem{}}
		}, true, []string{"Until it started", "  Refused 2-100+"}},
		{"it was cancelled while it waited", func(j *fleet.Job, _ *fleet.Machine) {
			*j = fleet.Job{State: fleet.JobCompleted, Queued: at(2), Ended: at(50)}
		}, true, []string{"Until it started", "  Waits for a machine 2-50"}},
		{"it runs elsewhere", func(j *fleet.Job, _ *fleet.Machine) {
			*j = fleet.Job{State: fleet.JobInProgress, Queued: at(2), Started: at(4)}
		}, true, []string{"Until it started", "  Waits for a machine 2-4", "From the start to the end of the machine", "  The job runs 4-100+"}},
		{"a warm machine", func(j *fleet.Job, m *fleet.Machine) {
			j.Created, j.Queued, j.History = at(5.5), at(5.5), nil
			j.Ended, j.State, m.Ended, m.State = at(0), fleet.JobInProgress, at(0), fleet.MachineWorking
		}, false, []string{
			"Until it started", "  Waits for a machine 5.5-6", "  Registered at GitHub 6-7", "  The runner starts 7-8", "  Listens for the job 8-9",
			"From the start to the end of the machine", "  The job runs 9-100+",
		}},
		{"it ran for less than GitHub's second", func(j *fleet.Job, m *fleet.Machine) {
			j.Started, j.Ended, m.JobEnded = at(9), at(9), at(9.4)
		}, false, []string{
			"Until it started",
			"  GitHub to here 1-2", "  Decided and ordered 2-3", "  The machine starts 3-5", "  Waits for a job 5-6", "  Registered at GitHub 6-7",
			"  The runner starts 7-8", "  Listens for the job 8-9",
			"From the start to the end of the machine", "  The job runs 9-9.4", "  Its machine ends 9.4-71",
		}},
		{"its machine ends", func(_ *fleet.Job, m *fleet.Machine) { m.Ended, m.State = at(0), fleet.MachineRetiring }, false, []string{
			"Until it started",
			"  GitHub to here 1-2", "  Decided and ordered 2-3", "  The machine starts 3-5", "  Waits for a job 5-6", "  Registered at GitHub 6-7",
			"  The runner starts 7-8", "  Listens for the job 8-9",
			"From the start to the end of the machine", "  The job runs 9-69", "  Its machine ends 69-100+",
		}},
	} {
		j, m := whole()
		tt.change(&j, &m)
		machine := &m
		if tt.none {
			machine = nil
		}
		if diff := cmp.Diff(tt.want, lines(timeline.Of(j, machine, at(100)))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestTheLifeOfAMachine(t *testing.T) {
	_, m := whole()
	m.JobEnded = at(69)
	want := []string{
		"From its launch to its end", "  The machine starts 3-5", "  Waits for a job 5-6", "  Registered at GitHub 6-7", "  The runner starts 7-8",
		"  Listens for a job 8-9", "  The job runs 9-69", "  The machine ends 69-71",
	}
	if diff := cmp.Diff(want, lines(timeline.Machine(m, at(100)))); diff != "" {
		t.Error(diff)
	}
	failed := fleet.Machine{State: fleet.MachineFailed, Launched: at(3), Since: at(60), Ended: at(60)}
	if diff := cmp.Diff([]string{"From its launch to its end", "  The machine starts 3-60"}, lines(timeline.Machine(failed, at(100)))); diff != "" {
		t.Error(diff)
	}
}

// Whatever the clocks of GitHub and of the machines say, no step is negative or outside of its part.
func TestEveryStepIsWithinItsPart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		when := func(name string) time.Time { return at(float64(rapid.IntRange(0, 50).Draw(r, name))) }
		states := []fleet.MachineState{fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening, fleet.MachineWorking, fleet.MachineRetiring, fleet.MachineFailed, fleet.MachineGone}
		j := fleet.Job{Created: when("created"), Queued: when("queued"), Started: when("started"), Ended: when("ended")}
		m := fleet.Machine{
			State: rapid.SampledFrom(states).Draw(r, "state"), Since: when("since"), Launched: when("launched"), Ready: when("ready"), Assigned: when("assigned"),
			Connected: when("connected"), WorkerStarted: when("worker"), JobEnded: when("job ended"), Ended: when("gone"),
			Runners: []fleet.Runner{{HandedOut: when("handed out")}},
		}
		now := at(51)
		for _, p := range append(append(timeline.Of(j, &m, now), timeline.Of(j, nil, now)...), timeline.Machine(m, now)...) {
			for _, s := range p.Spans {
				from, width := p.Place(s)
				if from < 0 || width <= 0 || from+width > 1.000001 {
					r.Fatalf("%s: %s at %v, %v wide", p.Title, s.Label, from, width)
				}
			}
			if marks := p.Scale(); len(marks) > 4 {
				r.Fatalf("%d marks", len(marks))
			}
		}
	})
}
