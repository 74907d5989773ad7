package forecast_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// TestReport adds a small outcome up by hand: two places, three jobs at once, and one that nobody ever ran.
func TestReport(t *testing.T) {
	job := forecast.Job{Runs: 10 * time.Minute, Labels: []string{"runs-fleet/cpu=4"}}
	plan := forecast.Plan{Jobs: []forecast.Job{job, job, job, job}, MaxRunners: 2}
	minute := time.Minute
	spec := fleet.Spec{CPU: fleet.Range{Min: 4, Max: 8}}
	out := forecast.Outcome{
		Jobs: []forecast.Served{
			{Queued: 0, Started: 2 * minute, Ended: 12 * minute, Ran: true, Conclusion: "success", Machine: 0},
			{Queued: 0, Started: 2 * minute, Ended: 12 * minute, Ran: true, Conclusion: "success", Machine: 1},
			{Queued: 0, Started: 15 * minute, Ended: 20 * minute, Ran: true, Conclusion: "failure", Machine: 2},
			{Queued: 0, Ended: 24 * time.Hour, Conclusion: "cancelled", Machine: -1},
		},
		Machines: []forecast.Machine{
			{Ordered: 30 * time.Second, Booted: minute, Ended: 12 * minute, Busy: 10 * minute, Ran: true, Spec: spec},
			{Ordered: 30 * time.Second, Booted: minute, Ended: 13 * minute, Busy: 10 * minute, Ran: true, Spec: spec},
			{Ordered: 12 * minute, Booted: 14 * minute, Ended: 20 * minute, Busy: 5 * minute, Ran: true, Spec: spec},
			{Ordered: 22 * minute, Ended: 23 * minute, Spec: spec},
		},
		Ended: 23 * minute, Faults: map[string]int{"spot-reclaim": 1, "github-5xx": 4},
	}
	price, err := forecast.ParsePrice("0.25/vcpu")
	if err != nil {
		t.Fatal(err)
	}
	got, err := forecast.NewReport(plan, out, price)
	if err != nil {
		t.Fatal(err)
	}
	want := forecast.Report{
		Jobs: 4, Succeeded: 2, Failed: 1, NeverRan: 1,
		Wait: forecast.Wait{
			P50: 120, P90: 900, P99: 900, Max: 900, Mean: 380,
			// The third job waited 11.5 of 12 minutes at the limit; the moment in which one machine followed another counts as full.
			Room: 690. / 3, Order: 90. / 3, Boot: (30 + 30 + 120) / 3., Start: (60 + 60 + 60) / 3.,
		},
		Machines: 4, PeakMachines: 2, MaxRunners: 2, AtLimitSeconds: 750, SpanSeconds: 23 * 60, WithoutJob: 1, Interruptions: 1,
		MachineHours: 33. / 60, BusyShare: 25. / 33, BootShare: 4. / 33, IdleShare: 4. / 33,
		Cost: 33. / 60, CostPerJob: 33. / 60 / 4, CostOfIdleHours: 8. / 60,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestReportByLabels(t *testing.T) {
	small, large := forecast.Job{Labels: []string{"runs-fleet/cpu=2"}}, forecast.Job{Labels: []string{"self-hosted", "runs-fleet/cpu=8"}}
	out := forecast.Outcome{Jobs: []forecast.Served{
		{Started: time.Second, Ran: true, Machine: -1}, {Started: 5 * time.Second, Ran: true, Machine: -1}, {Started: 2 * time.Second, Ran: true, Machine: -1},
	}}
	r, err := forecast.NewReport(forecast.Plan{Jobs: []forecast.Job{small, large, small}}, out, forecast.Price{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Labels) != 2 || r.Labels[0].Labels != "runs-fleet/cpu=2" || r.Labels[0].Jobs != 2 || r.Labels[0].Wait.Max != 2 || r.Labels[1].Wait.Max != 5 {
		t.Errorf("%+v", r.Labels)
	}
}

// TestReportAddsUp holds for whatever happened: the parts of the wait are the wait, and shares are shares.
func TestReportAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.Int64Range(0, int64(time.Hour))
		draw := func(name string) time.Duration { return time.Duration(span.Draw(t, name)) }
		plan := forecast.Plan{MaxRunners: rapid.IntRange(0, 4).Draw(t, "limit")}
		var out forecast.Outcome
		for i := range rapid.IntRange(1, 12).Draw(t, "jobs") {
			plan.Jobs = append(plan.Jobs, forecast.Job{Labels: []string{"runs-fleet"}})
			m := forecast.Machine{Ordered: draw("ordered"), Ran: true}
			m.Booted = m.Ordered + draw("boot") + 1
			started := m.Booted + draw("start")
			m.Busy = draw("busy")
			m.Ended = started + m.Busy + draw("end")
			queued := draw("queued")
			out.Jobs = append(out.Jobs, forecast.Served{Queued: min(queued, started), Started: started, Ended: started + m.Busy, Ran: true, Machine: i})
			out.Machines, out.Ended = append(out.Machines, m), max(out.Ended, m.Ended)
		}
		r, err := forecast.NewReport(plan, out, forecast.Price{})
		if err != nil {
			t.Fatal(err)
		}
		w := r.Wait
		if sum := w.Room + w.Order + w.Boot + w.Start; sum-w.Mean > 1e-6 || w.Mean-sum > 1e-6 || min(w.Room, w.Order, w.Boot, w.Start) < 0 {
			t.Errorf("the parts of the mean wait: %+v", w)
		}
		if w.P50 > w.P90 || w.P90 > w.P99 || w.P99 > w.Max || w.Mean > w.Max+1e-6 {
			t.Errorf("percentiles: %+v", w)
		}
		if shares := r.BusyShare + r.BootShare + r.IdleShare; shares > 1+1e-9 || shares < 1-1e-9 || r.AtLimitSeconds > r.SpanSeconds+3600 {
			t.Errorf("shares: %+v", r)
		}
	})
}

func TestPrices(t *testing.T) {
	spec := fleet.Spec{CPU: fleet.Range{Min: 4, Max: 8}, Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux}
	hour := func(text string, market fleet.Market) float64 {
		p, err := forecast.ParsePrice(text)
		if err != nil {
			t.Fatal(err)
		}
		cost, err := p.PerHour(spec, market)
		if err != nil {
			t.Fatal(err)
		}
		return cost
	}
	for text, want := range map[string]float64{"": 0, "0.17": 0.17, "0.17/machine": 0.17, "0.05/vcpu": 0.2, "0.05/cpu": 0.2} {
		if got := hour(text, fleet.OnDemand); got != want {
			t.Errorf("an hour at %q costs %g, want %g", text, got, want)
		}
	}
	if spot, onDemand := hour("list", fleet.Spot), hour("list", fleet.OnDemand); spot <= 0 || spot >= onDemand || onDemand > 1 {
		t.Errorf("list prices of four vCPU: spot %g, on demand %g", spot, onDemand)
	}
	for _, text := range []string{"dear", "-1", "NaN", "1/hour", "100000"} {
		if _, err := forecast.ParsePrice(text); err == nil {
			t.Errorf("%q is read as a price", text)
		}
	}
	list, err := forecast.ParsePrice("list")
	if err != nil {
		t.Fatal(err)
	}
	possible := forecast.Job{Labels: []string{"runs-fleet=${{ github.run_id }}/cpu=2"}}
	impossible := forecast.Job{Labels: []string{"runs-fleet/arch=amd64/family=c7g"}}
	if err := list.Covers([]forecast.Job{possible}); err != nil {
		t.Error(err)
	}
	if err := list.Covers([]forecast.Job{possible, impossible}); err == nil {
		t.Error("a type that AWS does not have has a price")
	}
}
