package controller_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
)

// measured runs f in a world whose controller is observed, and returns the metrics at its end.
func measured(t *testing.T, change func(*controller.Config), f func(w *world)) map[string]*dto.MetricFamily {
	t.Helper()
	out := map[string]*dto.MetricFamily{}
	var m *telemetry.Telemetry
	inWorld(t, func(c *controller.Config) {
		var err error
		if m, err = telemetry.New(telemetry.Options{Clock: seam.System{}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		c.Observer = m
		if change != nil {
			change(c)
		}
	}, func(w *world) {
		if err := m.Watch(telemetry.Sources{Queue: w.queue, Records: w.records}); err != nil {
			w.t.Fatal(err)
		}
		f(w)
		w.pass(10 * time.Second)
		families, err := m.Gather().Gather()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, family := range families {
			out[family.GetName()] = family
		}
		if err := m.Close(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	})
	return out
}

// total adds up the series that have these labels; of a histogram, how often it was told.
func total(all map[string]*dto.MetricFamily, name string, labels ...string) (sum float64) {
	for _, s := range all[name].GetMetric() {
		var have []string
		for _, l := range s.GetLabel() {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		if slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(have, l) }) {
			continue
		}
		sum += s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
	}
	return sum
}

// eventful is a run with most of what can happen.
func eventful(w *world) {
	for i := range int64(30) { // each run has labels of its own
		w.github.queue(1000+i, 5000+i, 20*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=2", 5000+i))
	}
	w.settle(2*time.Minute, "the first jobs done", func() bool { return w.github.allDone() && w.empty() })
	w.cloud.set(func(c *fakeCloud) { c.failNext, c.dropNext = 2, 1 })
	w.github.set(func(g *fakeGitHub) {
		g.mintErrs = []error{errUnknown, controller.ErrNameTaken, &controller.BudgetError{Until: g.clock.Now().Add(5 * time.Second), Reason: "minting budget"}}
	})
	for i := range int64(6) {
		w.github.queue(2000+i, 6000+i, 20*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=4", 6000+i))
	}
	w.github.queue(3000, 7000, time.Second, "runs-fleet=7000/cpus=4") // a mistake
	w.settle(4*time.Minute, "the next jobs done", func() bool {
		return slices.IndexFunc(w.github.open(), func(id int64) bool { return id != 3000 }) < 0 && w.empty()
	})
	w.cloud.set(func(c *fakeCloud) { c.boot = 20 * time.Second })
	w.github.queue(4000, 8000, time.Second, "runs-fleet=8000/cpu=2")
	w.pass(5 * time.Second)
	w.github.cancel(4000)
	w.settle(3*time.Minute, "nothing left", w.empty)
}

// open lists the jobs that are not over.
func (g *fakeGitHub) open() []int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []int64
	for _, j := range g.jobs {
		if j.state != fleet.JobCompleted {
			out = append(out, j.id)
		}
	}
	return out
}

func TestMetricsTellWhatHappened(t *testing.T) { // failure modes A12, N33
	made, minted := 0, 0
	all := measured(t, nil, func(w *world) {
		eventful(w)
		made, minted = w.cloud.made(), w.github.minted()
	})
	for _, c := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{38, "runs_fleet_job_moves_total", []string{"state=queued"}},
		{36, "runs_fleet_job_moves_total", []string{"state=completed", "conclusion=success"}},
		{1, "runs_fleet_job_moves_total", []string{"state=completed", "conclusion=cancelled"}},
		{36, "runs_fleet_job_queue_time_seconds", nil},
		{float64(made), "runs_fleet_launch_places_total", []string{"outcome=attached"}},
		{2, "runs_fleet_launch_places_total", []string{"outcome=capacity"}},
		{1, "runs_fleet_launch_calls_total", []string{"outcome=unanswered"}},
		{float64(made), "runs_fleet_machines_ended_total", nil},
		{float64(minted), "runs_fleet_registrations_total", nil},
		{1, "runs_fleet_registrations_total", []string{"outcome=unknown"}},
		{1, "runs_fleet_registrations_total", []string{"outcome=name_taken"}},
		{1, "runs_fleet_registrations_total", []string{"outcome=no_budget"}},
		{0, "runs_fleet_machines", nil},
		{0, "runs_fleet_queue_messages", nil},
		{0, "runs_fleet_sweep_errors_total", nil},
		{0, "runs_fleet_fallbacks_total", []string{"kind=panic_recovered"}},
	} {
		if got := total(all, c.name, c.labels...); got != c.want {
			t.Errorf("%s%q = %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	for name, labels := range map[string][]string{
		"runs_fleet_launch_wait_seconds":          nil,
		"runs_fleet_machine_boot_time_seconds":    nil,
		"runs_fleet_machines_surplus_total":       {"reason=unneeded"}, // the cancelled job's
		"runs_fleet_reconcile_duration_seconds":   nil,
		"runs_fleet_sweep_duration_seconds":       {"work=provider"},
		"runs_fleet_registration_deletions_total": nil,
	} {
		if total(all, name, labels...) == 0 {
			t.Errorf("%s%q tells nothing", name, labels)
		}
	}
}

func TestWaitsForALaunchAreShort(t *testing.T) { // failure mode N25
	all := measured(t, nil, func(w *world) {
		w.pass(time.Second) // what runs at the start looks at every shape at once
		for i := range int64(10) {
			w.github.queue(1+i, 1+i, time.Second, cpu2)
		}
		w.settle(time.Minute, "done", func() bool { return w.github.allDone() && w.empty() })
	})
	h := all["runs_fleet_launch_wait_seconds"].GetMetric()[0].GetHistogram()
	if n := h.GetSampleCount(); n != 10 {
		t.Errorf("%d waits for 10 deliveries", n)
	}
	if sum := h.GetSampleSum(); sum <= 0 || sum > 10*0.2 { // gathering takes 25 to 100 ms of the world's time
		t.Errorf("10 deliveries waited %v s together", sum)
	}
}

func TestNoMetricNamesWhatThereAreManyOf(t *testing.T) { // failure mode J7
	all := measured(t, func(c *controller.Config) { c.Repositories = []fleet.Repository{testRepository()} }, eventful)
	rows := map[string]telemetry.Metric{}
	for _, m := range telemetry.Table() {
		rows[m.Prometheus()] = m
	}
	walked := 0
	for name, family := range all {
		if !strings.HasPrefix(name, "runs_fleet_") {
			continue
		}
		walked++
		row, known := rows[name]
		if !known {
			t.Errorf("%s is not in the table", name)
		}
		series := 1
		for _, l := range row.Labels {
			series *= len(l.Values)
		}
		if n := len(family.GetMetric()); n > series {
			t.Errorf("%s has %d series, %d are allowed", name, n, series)
		}
		for _, s := range family.GetMetric() {
			bounded(t, row, s.GetLabel())
		}
	}
	if walked < 15 {
		t.Errorf("only %d metrics have a value after an eventful run", walked)
	}
}

// bounded checks the labels of a series against the table, and against what they must never hold.
func bounded(t *testing.T, row telemetry.Metric, labels []*dto.LabelPair) {
	t.Helper()
	if len(labels) != len(row.Labels) {
		t.Errorf("%s has %d labels, the table has %d", row.Prometheus(), len(labels), len(row.Labels))
	}
	for _, l := range labels {
		i := slices.IndexFunc(row.Labels, func(x telemetry.Label) bool { return x.Name == l.GetName() })
		if i < 0 || !slices.Contains(row.Labels[i].Values, l.GetValue()) {
			t.Errorf("%s: the table allows no %s=%q", row.Prometheus(), l.GetName(), l.GetValue())
		}
		for _, id := range []string{"m-0", "rf-", "l-", "acme", "shop", "1000", "5000", "2000", "6000"} {
			if strings.Contains(l.GetValue(), id) {
				t.Errorf("%s: %s=%q names a job, a run, a runner or a machine", row.Prometheus(), l.GetName(), l.GetValue())
			}
		}
	}
}
