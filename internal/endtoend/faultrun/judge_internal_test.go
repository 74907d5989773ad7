package faultrun

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// judging returns a judge of a GitHub with these jobs.
func judging(jobs ...simJob) *judge {
	return newJudge(seam.System{}, func() []simJob { return jobs })
}

func (j *judge) invariants() []string {
	var out []string
	for _, v := range j.found() {
		out = append(out, v.Invariant)
	}
	return out
}

func TestTheInstanceOfARunner(t *testing.T) {
	for runner, want := range map[string]string{
		"rf-0badcafe-v-00000012-1":           "v-00000012",
		"rf-0badcafe-l-7cbeba3b74a7f162-3":   "l-7cbeba3b74a7f162",
		"somebody-41317544081":               "",
		"":                                   "",
		"rf-0badcafe":                        "",
		"rf-0badcafe-l-7cbeba3b74a7f162-999": "l-7cbeba3b74a7f162",
	} {
		if got := instanceOf(runner); got != want {
			t.Errorf("instanceOf(%q) = %q, want %q", runner, got, want)
		}
	}
}

func TestABusyMachineMustNotBeTerminated(t *testing.T) {
	job := simJob{ID: 1, Status: "in_progress", RunnerName: "rf-0badcafe-l-1-1"}
	for name, test := range map[string]struct {
		m    *machine
		id   string
		want []string
	}{
		"a process with a job":         {&machine{real: true}, "l-1", []string{"NeverKillBusy"}},
		"another process":              {&machine{real: true}, "l-2", nil},
		"one that nobody has heard of": {nil, "l-1", []string{"NeverKillBusy"}},
		"an agent with a worker":       {&machine{listener: &listener{worker: true, ever: true}}, "v-1", []string{"NeverKillBusy"}},
		"an agent whose worker ended":  {&machine{listener: &listener{ever: true}}, "v-1", nil},
		"an agent that waits":          {&machine{listener: &listener{}}, "v-1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			j := judging(job)
			j.terminates(test.m, test.id)
			if diff := cmp.Diff(test.want, j.invariants()); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARepeatedLaunchMustHaveTheSameBytes(t *testing.T) {
	j := judging()
	c := newCloud(t.Context(), seam.System{}, 1, 1, j) // all machines are the host's, so that none begins here
	r := provider.Request{LaunchID: "l-1", Site: fleet.Site{Environment: "default", Region: "local"}, Count: 2}
	first, err := c.begin(r)
	if err != nil || first.real != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := c.begin(r); err != nil || again != first || again.calls != 2 {
		t.Errorf("a repeated launch: %+v, %v", again, err)
	}
	r.Count = 3
	if _, err := c.begin(r); !errors.Is(err, provider.ErrTokenReused) {
		t.Errorf("another launch by the same name: %v", err)
	}
	if diff := cmp.Diff([]string{"OneFleetPerLaunch"}, j.invariants()); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestTheOutcomeOfAJob(t *testing.T) {
	ours := "rf-0badcafe-v-00000001-1"
	for name, test := range map[string]struct {
		job  simJob
		want string
		bad  bool
	}{
		"success":                {simJob{Status: "completed", Conclusion: "success", RunnerName: ours, RunID: 9}, "success", false},
		"never completed":        {simJob{Status: "queued", RunID: 9}, "not completed", true},
		"failed for no reason":   {simJob{Status: "completed", Conclusion: "failure", RunnerName: ours, RunID: 9}, "lost", true},
		"cancelled by GitHub":    {simJob{Status: "completed", Conclusion: "cancelled", RunID: 9, Missed: 5}, "lost", true},
		"its runner was killed":  {simJob{Status: "completed", Conclusion: "failure", RunnerName: "rf-0badcafe-v-00000002-1", RunID: 9}, "its runner was killed while it ran", false},
		"its run was cancelled":  {simJob{Status: "completed", Conclusion: "cancelled", RunID: 7}, "cancelled with its run, or after that", false},
		"it needed a killed one": {simJob{Status: "completed", Conclusion: "skipped", RunID: 8}, "another job of its run failed for such a reason", false},
		"taken":                  {simJob{Status: "completed", Conclusion: "success", RunnerName: "somebody-1", RunID: 9}, "run by others, who took it", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{judge: judging()}
			w.judge.cancelled(7, 1)
			got := w.outcome(test.job, map[string]bool{"v-00000002": true}, map[int64]bool{8: true})
			if bad := len(w.judge.found()) > 0; got != test.want || bad != test.bad {
				t.Errorf("%q, a violation: %v; want %q, %v", got, bad, test.want, test.bad)
			}
		})
	}
}

func TestWhatExcusesAMachineThatNeverRanAJob(t *testing.T) {
	silent := fleet.Machine{Retire: &fleet.Retirement{Reason: reasonSilent + " since 12:00:00 UTC"}}
	renamed := fleet.Machine{Runners: []fleet.Runner{{Name: "a"}, {Name: "b"}}}
	for name, test := range map[string]struct {
		m     *machine
		row   fleet.Machine
		calls int
		want  string
	}{
		"nothing":             {&machine{listener: &listener{}}, fleet.Machine{}, 1, ""},
		"killed":              {&machine{fault: faultKilled, listener: &listener{}}, fleet.Machine{}, 1, "its agent was killed with its instance"},
		"given in vain":       {&machine{listener: &listener{given: true}}, fleet.Machine{}, 1, "GitHub gave it a job that it did not get"},
		"its lease":           {&machine{real: true}, silent, 1, "it lost its lease"},
		"its registrations":   {&machine{real: true}, renamed, 1, "its registrations failed"},
		"the launch's answer": {&machine{real: true}, fleet.Machine{}, 2, "no answer told of it in time"},
	} {
		if got := own(test.m, test.row, test.calls); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestTheReportHasItsFigures(t *testing.T) {
	r := &Report{
		Took: 20 * time.Minute, Outcomes: map[string]int{"success": 3}, Waits: []time.Duration{time.Second, 2 * time.Second, 90 * time.Second},
		Kills:      []*Kill{{Server: "server 1", Works: []string{"due"}, Recovered: 16 * time.Second}, {Server: "server 2"}},
		Violations: []Violation{{Invariant: "NoLeak", Text: "v-1 is left"}},
	}
	text := r.Markdown()
	for _, want := range []string{"| jobs | 3 |", "2s / 1m30s / 1m30s, 1m30s", "| 30s | 1, 16s / 16s, 16s |", "| violations | 1 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if details := r.Details(); !strings.Contains(details, "NoLeak") || !strings.Contains(details, "v-1 is left") {
		t.Errorf("the details do not tell of the violation:\n%s", details)
	}
}
