package fleet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func at(seconds int) time.Time { return time.Unix(int64(1_700_000_000+seconds), 0).UTC() }

func hook(s fleet.JobState, runner string) fleet.Sighting {
	return fleet.Sighting{Job: 1, State: s, Runner: runner}
}

func get(s fleet.JobState, runner string, asked int) fleet.Sighting {
	return fleet.Sighting{Job: 1, State: s, Runner: runner, Authoritative: true, Asked: at(asked), RunAlive: s != fleet.JobCompleted}
}

// step is one sighting, with whether the job's runners are over at that moment.
type step struct {
	s    fleet.Sighting
	over bool
}

func TestSee(t *testing.T) { // failure modes C1, L7, N2
	tests := []struct {
		name   string
		from   fleet.JobState
		steps  []step
		state  fleet.JobState
		runner string
		epoch  int
	}{
		{
			name: "the usual order", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: hook(fleet.JobCompleted, "a")}},
			state: fleet.JobCompleted, runner: "a", epoch: 1,
		}, {
			name: "a late queued is history (rule 5.2)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: hook(fleet.JobQueued, "")}},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "a late in_progress after completed is history (rule 5.2)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobCompleted, "")}, {s: hook(fleet.JobInProgress, "a")}},
			state: fleet.JobCompleted, epoch: 1,
		}, {
			name: "waiting, then queued", from: fleet.JobWaiting,
			steps: []step{{s: hook(fleet.JobQueued, "")}},
			state: fleet.JobQueued, epoch: 1,
		}, {
			name: "no webhook opens an epoch (rule 5.3)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: hook(fleet.JobQueued, ""), over: true}, {s: hook(fleet.JobQueued, ""), over: true}},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "one GET opens no epoch (rule 5.3)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: get(fleet.JobQueued, "", 100), over: true}},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "two GETs less than 10 s apart open no epoch (rule 5.3)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: get(fleet.JobQueued, "", 100), over: true}, {s: get(fleet.JobQueued, "", 109), over: true}},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "two GETs open an epoch once the runners are over (rule 5.3)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: get(fleet.JobQueued, "", 100), over: true}, {s: get(fleet.JobQueued, "", 110), over: true}},
			state: fleet.JobQueued, epoch: 2,
		}, {
			name: "not while a runner of ours may have it (rule 5.3)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: get(fleet.JobQueued, "", 100)}, {s: get(fleet.JobQueued, "", 110)}, {s: get(fleet.JobQueued, "", 120)}},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "a GET that says otherwise in between starts over (rule 5.3)", from: fleet.JobQueued,
			steps: []step{
				{s: hook(fleet.JobInProgress, "a")},
				{s: get(fleet.JobQueued, "", 100), over: true},
				{s: get(fleet.JobInProgress, "a", 105), over: true},
				{s: get(fleet.JobQueued, "", 111), over: true},
			},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "a closed name is history only (rule 5.4)", from: fleet.JobQueued,
			steps: []step{
				{s: hook(fleet.JobInProgress, "a")},
				{s: get(fleet.JobQueued, "", 100), over: true},
				{s: get(fleet.JobQueued, "", 110), over: true},
				{s: hook(fleet.JobInProgress, "a")},
			},
			state: fleet.JobQueued, epoch: 2,
		}, {
			name: "a queued job that GitHub holds waiting opens an epoch as waiting", from: fleet.JobQueued,
			steps: []step{{s: get(fleet.JobWaiting, "", 100), over: true}, {s: get(fleet.JobWaiting, "", 110), over: true}},
			state: fleet.JobWaiting, epoch: 2,
		}, {
			name: "an authoritative GET replaces the runner (rule 5.1)", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: get(fleet.JobInProgress, "b", 100)}},
			state: fleet.JobInProgress, runner: "b", epoch: 1,
		}, {
			name: "a webhook does not replace it", from: fleet.JobQueued,
			steps: []step{{s: hook(fleet.JobInProgress, "a")}, {s: hook(fleet.JobInProgress, "b")}},
			state: fleet.JobInProgress, runner: "a", epoch: 1,
		}, {
			name: "a job of a run that is over is over (rule 5.6)", from: fleet.JobQueued,
			steps: []step{{s: fleet.Sighting{Job: 1, State: fleet.JobQueued, Authoritative: true, Asked: at(100)}}},
			state: fleet.JobCompleted, epoch: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fleet.Job{State: tt.from, Epoch: 1, Created: at(0)}
			for i, st := range tt.steps {
				j, _ = j.See(st.s, at(10*i), st.over)
			}
			got := []any{j.State, j.Runner, j.Epoch}
			if diff := cmp.Diff([]any{tt.state, tt.runner, tt.epoch}, got); diff != "" {
				t.Errorf("state, runner, epoch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAttributionIsReportedEvenWhenTheRankDoesNotChange(t *testing.T) {
	// rule 5.1
	j := fleet.Job{State: fleet.JobInProgress, Runner: "a", Attributed: []string{"a"}, Epoch: 1}
	j, c := j.See(hook(fleet.JobInProgress, "b"), at(1), false)
	if c.Attribute != "b" || c.Moved || !slices.Contains(j.Attributed, "b") {
		t.Errorf("change = %+v, attributed = %v: want b attributed without a move", c, j.Attributed)
	}
}

func TestStatesOnlyRiseWithinAnEpoch(t *testing.T) {
	// Forward: under any order of any sightings
	states := []fleet.JobState{fleet.JobWaiting, fleet.JobQueued, fleet.JobInProgress, fleet.JobCompleted}
	rapid.Check(t, func(t *rapid.T) {
		j := fleet.Job{State: rapid.SampledFrom(states[:2]).Draw(t, "from"), Epoch: 1}
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			s := fleet.Sighting{
				Job: 1, State: rapid.SampledFrom(states).Draw(t, "state"), Runner: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "runner"),
				Authoritative: rapid.Bool().Draw(t, "authoritative"), RunAlive: rapid.Bool().Draw(t, "alive"),
				Asked: at(rapid.IntRange(0, 20).Draw(t, "later") + 10*i),
			}
			before := j
			var c fleet.Change
			j, c = j.See(s, at(10*i), rapid.Bool().Draw(t, "over"))
			switch {
			case before.Over() && (j.State != before.State || j.Conclusion != before.Conclusion):
				t.Fatalf("a completed job moved to %s", j.State)
			case j.Epoch == before.Epoch && j.State.Rank() < before.State.Rank():
				t.Fatalf("fell from %s to %s within an epoch", before.State, j.State)
			case j.Epoch != before.Epoch && (!s.Authoritative || j.Epoch != before.Epoch+1):
				t.Fatalf("epoch %d to %d by %+v", before.Epoch, j.Epoch, s)
			case !c.Dirty && !cmp.Equal(before, j):
				t.Fatalf("changed without saying so: %s", cmp.Diff(before, j))
			case slices.ContainsFunc(j.Attributed, func(r string) bool { return slices.Contains(before.Closed, r) }) && !s.Authoritative && s.State == fleet.JobInProgress &&
				!slices.Contains(before.Attributed, s.Runner) && slices.Contains(before.Closed, s.Runner):
				t.Fatalf("a closed name was attributed again")
			}
		}
	})
}

func TestSeeIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hook(rapid.SampledFrom([]fleet.JobState{fleet.JobWaiting, fleet.JobQueued, fleet.JobInProgress, fleet.JobCompleted}).Draw(t, "state"), "a")
		once, _ := fleet.Job{State: fleet.JobQueued, Epoch: 1}.See(s, at(0), false)
		twice, c := once.See(s, at(1), false)
		if c.Moved || !cmp.Equal(once, twice) {
			t.Fatalf("the same event twice changed something: %s", cmp.Diff(once, twice))
		}
	})
}

func TestBackOffOfUnmatchedJobs(t *testing.T) { // failure modes F3, N4
	// rule 5.7: 5, 15, 60 minutes
	j := fleet.Job{State: fleet.JobQueued}
	for _, want := range []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, time.Hour} {
		j = j.FoundUnmatched(at(0))
		if got := j.BackoffUntil.Sub(at(0)); got != want {
			t.Errorf("backs off for %s, want %s", got, want)
		}
	}
	if j, _ = j.See(hook(fleet.JobInProgress, "a"), at(1), false); !j.BackoffUntil.IsZero() {
		t.Error("in_progress does not end the back-off")
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h fleet.History
	for i := range 500 {
		h = h.Add(at(i), "k", at(i).String())
	}
	if len(h) > 48 || h[0].At != at(0) || h[len(h)-1].At != at(499) {
		t.Errorf("%d entries from %s to %s: want at most 48 with the first and the last", len(h), h[0].At, h[len(h)-1].At)
	}
}
