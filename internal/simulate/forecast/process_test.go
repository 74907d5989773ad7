package forecast_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// ask is the two ends of the conversation without a process between.
func ask(t *testing.T, plan forecast.Plan, version string, simulate func(forecast.Plan, func(int)) (forecast.Outcome, error)) (forecast.Outcome, []int, error) {
	t.Helper()
	asked, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	if err := forecast.Answer(bytes.NewReader(asked), &answer, version, simulate); err != nil {
		t.Fatal(err)
	}
	var heard []int
	out, err := forecast.Hear(&answer, func(n int) { heard = append(heard, n) })
	return out, heard, err
}

func TestAnswerIsHeard(t *testing.T) {
	plan := forecast.Plan{
		Version: "v1", Seed: 1<<64 - 1, MaxRunners: 3, Boot: forecast.Always(time.Minute), Poll: time.Second, Interruptions: 0.5, Faults: true,
		Jobs: []forecast.Job{{At: 1, Runs: 2, Labels: []string{"a", "b"}}, {At: 3, Runs: 4, Labels: []string{"c"}}},
	}
	want := forecast.Outcome{
		Jobs: []forecast.Served{{Queued: 1, Started: 2, Ended: 3, Ran: true, Conclusion: "success", Machine: 0}}, Hash: 1<<64 - 1, Ended: 5,
		Machines: []forecast.Machine{{Ordered: 1, Booted: 2, Ended: 9, Busy: 3, Ran: true, Market: "spot"}}, Faults: map[string]int{"x": 1}, Steps: 7,
	}
	out, heard, err := ask(t, plan, "v1", func(p forecast.Plan, started func(int)) (forecast.Outcome, error) {
		if diff := cmp.Diff(plan, p, cmp.AllowUnexported(forecast.Spread{})); diff != "" {
			t.Errorf("the plan that arrives: %s", diff)
		}
		for n := range 3 {
			started(n)
		}
		return want, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 2}, heard); diff != "" {
		t.Errorf("progress: %s", diff)
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	jobs := []forecast.Job{{}}
	fail := func(forecast.Plan, func(int)) (forecast.Outcome, error) {
		return forecast.Outcome{}, errors.New("it broke")
	}
	for _, tt := range []struct {
		plan forecast.Plan
		says string
	}{
		{forecast.Plan{Version: "v1", Jobs: jobs}, "it broke"},
		{forecast.Plan{Version: "v2", Jobs: jobs}, "install both programs from one build"},
		{forecast.Plan{Version: "v1"}, "no jobs"},
	} {
		if _, _, err := ask(t, tt.plan, "v1", fail); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: error %v, want one that says %q", tt.plan, err, tt.says)
		}
	}
	for text, says := range map[string]string{"": "without an answer", "{\"started\":1}\n": "without an answer", "panic: no\n": "reading the simulation's answer"} {
		if _, err := forecast.Hear(strings.NewReader(text), func(int) {}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want one that says %q", text, err, says)
		}
	}
	if err := forecast.Answer(strings.NewReader("{"), io.Discard, "v1", fail); err == nil {
		t.Error("half a plan is answered")
	}
}
