package simulate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/simulate"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// plan is thirty jobs of five minutes each, within ten minutes.
func plan(change func(*forecast.Plan)) forecast.Plan {
	p := forecast.Plan{Seed: 3, Boot: forecast.Always(30 * time.Second)}
	for i := range 30 {
		labels := []string{"runs-fleet/cpu=2"}
		if i%3 == 0 {
			labels = []string{"self-hosted", "runs-fleet=${{ github.run_id }}/cpu=4"}
		}
		p.Jobs = append(p.Jobs, forecast.Job{At: time.Duration(i) * 20 * time.Second, Runs: 5 * time.Minute, Labels: labels})
	}
	if change != nil {
		change(&p)
	}
	return p
}

func foretold(t *testing.T, p forecast.Plan) forecast.Outcome {
	t.Helper()
	out, err := simulate.Forecast(p, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestForecastWithoutLimit(t *testing.T) {
	p := plan(nil)
	out := foretold(t, p)
	if len(out.Machines) != len(p.Jobs) {
		t.Errorf("%d machines for %d jobs", len(out.Machines), len(p.Jobs))
	}
	for i, s := range out.Jobs {
		if wait := s.Started - s.Queued; !s.Ran || wait < 30*time.Second || wait > time.Minute {
			t.Errorf("job %d waited %s for a machine that boots in 30 s (%+v)", i, wait, s)
		}
		if ran := s.Ended - s.Started; s.Conclusion != "success" || ran < p.Jobs[i].Runs || ran > p.Jobs[i].Runs+2*time.Second {
			t.Errorf("job %d ran for %s, planned were %s: %s", i, ran, p.Jobs[i].Runs, s.Conclusion)
		}
		if late := s.Queued - p.Jobs[i].At; late < 0 || late > time.Second {
			t.Errorf("job %d was queued %s late", i, late)
		}
		if want := 2 + 2*min(1, (i+2)%3/2); s.Machine < 0 || out.Machines[s.Machine].Spec.CPU.Min != want {
			t.Errorf("job %d wants %d processors, and ran on machine %d", i, want, s.Machine)
		}
	}
	for i, m := range out.Machines {
		if boot := m.Booted - m.Ordered; boot != 30*time.Second || !m.Ran || m.Busy <= 0 || m.Busy > m.Life() {
			t.Errorf("machine %d: booted in %s, %+v", i, boot, m)
		}
	}
}

func TestForecastKeepsTheLimit(t *testing.T) {
	const limit = 4
	out := foretold(t, plan(func(p *forecast.Plan) { p.MaxRunners = limit }))
	for i, m := range out.Machines {
		others := 0
		for _, o := range out.Machines {
			if o.Ordered <= m.Ordered && m.Ordered < o.Ended {
				others++
			}
		}
		if others > limit {
			t.Errorf("%d machines exist when machine %d is ordered", others, i)
		}
	}
	last := out.Jobs[len(out.Jobs)-1]
	if last.Conclusion != "success" || last.Started-last.Queued < 10*time.Minute {
		t.Errorf("thirty jobs of five minutes on four machines, and the last waits %s only", last.Started-last.Queued)
	}
}

// TestForecastReplays holds it to its promise: the same command prints the same answer.
func TestForecastReplays(t *testing.T) {
	for _, p := range []forecast.Plan{
		plan(func(p *forecast.Plan) { p.MaxRunners = 6 }),
		plan(func(p *forecast.Plan) { p.Faults = true }),
	} {
		if diff := cmp.Diff(foretold(t, p), foretold(t, p)); diff != "" {
			t.Errorf("the second outcome of a plan differs from the first: %s", diff)
		}
	}
}

func TestForecastWithInterruptions(t *testing.T) {
	out := foretold(t, plan(func(p *forecast.Plan) { p.Interruptions = 60 }))
	failed := 0
	for _, s := range out.Jobs {
		if s.Conclusion == "failure" {
			failed++
		}
	}
	if out.Faults["spot-reclaim"] == 0 || failed == 0 || failed > out.Faults["spot-reclaim"] {
		t.Errorf("%d machines were taken away and %d jobs failed", out.Faults["spot-reclaim"], failed)
	}
}

func TestForecastByPolling(t *testing.T) {
	told := foretold(t, plan(nil))
	asked := foretold(t, plan(func(p *forecast.Plan) { p.Poll = 40 * time.Second }))
	var byWebhook, byPoll time.Duration
	for i := range told.Jobs {
		byWebhook += told.Jobs[i].Started - told.Jobs[i].Queued
		byPoll += asked.Jobs[i].Started - asked.Jobs[i].Queued
	}
	if more := (byPoll - byWebhook) / time.Duration(len(told.Jobs)); more < 5*time.Second || more > 40*time.Second {
		t.Errorf("asking every 40 s instead of being told costs a job %s on average", more)
	}
}

func TestForecastOfAJobThatIsTooLong(t *testing.T) {
	out := foretold(t, plan(func(p *forecast.Plan) {
		p.Jobs = []forecast.Job{{Runs: 30 * time.Minute, Labels: []string{"runs-fleet/cpu=2/max=10m"}}}
	}))
	if s := out.Jobs[0]; s.Conclusion != "failure" || s.Ended-s.Started > 11*time.Minute {
		t.Errorf("a job of 30 minutes with max=10m ends after %s: %s", s.Ended-s.Started, s.Conclusion)
	}
}
