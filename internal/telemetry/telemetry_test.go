package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
)

var errTest = errors.New("it did not work")

// depths is a queue whose depth is known, or is not.
type depths struct {
	asked int
	err   error
}

func (d *depths) Depth(context.Context) (queue.Depth, error) {
	d.asked++
	return queue.Depth{Ready: 5, Taken: 3, Dead: 1}, d.err
}

func begin(t *testing.T, log *bytes.Buffer) *telemetry.Telemetry {
	t.Helper()
	m, err := telemetry.New(telemetry.Options{Clock: seam.System{}, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return m
}

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, m *telemetry.Telemetry) map[string]*dto.MetricFamily {
	t.Helper()
	out := httptest.NewRecorder()
	m.Handler().ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if out.Code != http.StatusOK {
		t.Fatalf("status = %d: %s", out.Code, out.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value returns that of the one series with these label values.
func value(t *testing.T, all map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	f := all[name]
	if f == nil {
		t.Fatalf("there is no metric %s", name)
	}
	for _, s := range f.GetMetric() {
		var have []string
		for _, l := range s.GetLabel() {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		if !slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(labels))) {
			continue
		}
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			return s.GetCounter().GetValue()
		case dto.MetricType_GAUGE:
			return s.GetGauge().GetValue()
		case dto.MetricType_HISTOGRAM:
			return float64(s.GetHistogram().GetSampleCount())
		default:
			t.Fatalf("%s is a %s", name, f.GetType())
		}
	}
	t.Fatalf("%s has no series with %q", name, labels)
	return 0
}

// everything makes each metric have a value.
func everything(t *testing.T, m *telemetry.Telemetry, q *depths) {
	t.Helper()
	m.JobMoved(controller.JobMove{State: fleet.JobQueued})
	m.JobMoved(controller.JobMove{State: fleet.JobInProgress, Started: true, Waited: 3 * time.Second})
	m.JobMoved(controller.JobMove{State: fleet.JobCompleted, Conclusion: "success", Asked: true})
	m.LaunchCalled(controller.LaunchCall{Market: fleet.Spot, Outcome: controller.LaunchAnswered, Waits: []time.Duration{time.Second, time.Minute}})
	m.PlacesSettled(controller.Places{Market: fleet.Spot, Count: 2})
	m.PlacesSettled(controller.Places{Code: "InsufficientInstanceCapacity", Count: 3})
	m.MachineReady(fleet.OnDemand, 20*time.Second)
	m.MachineEnded(controller.MachineEnd{State: fleet.MachineGone, Worked: true, Reason: controller.EndJobEnded})
	m.MachineEnded(controller.MachineEnd{State: fleet.MachineGone, Reason: controller.EndUnneeded})
	m.Minted(controller.MintDone)
	m.Deregistered(controller.DeletionDone)
	m.Reconciled(time.Millisecond, 2)
	m.Swept(controller.SweepGitHub, time.Second, errTest)
	m.FellBack(controller.FallbackToken)
	err := m.Watch(telemetry.Sources{
		Deliveries: func() map[ingress.Outcome]uint64 { return map[ingress.Outcome]uint64{ingress.Stored: 7} },
		GitHub: func() []github.Usage {
			calls := map[string]map[string]uint64{"jobs": {"2xx": 4, "limited": 1}}
			soon := seam.System{}.Now().Add(time.Minute)
			return []github.Usage{
				{Installation: 1, Answers: calls, Limits: []github.Limit{{Resource: "core", Limit: 5000, Remaining: 900, Reset: soon}}},
				{Installation: 2, Answers: calls, Limits: []github.Limit{{Resource: "core", Limit: 5000, Remaining: 0, Reset: soon.Add(-time.Hour)}}},
			}
		},
		Queue: q, Records: record.New(memory.New(seam.System{}, memory.Options{})),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsToldIsCounted(t *testing.T) {
	m := begin(t, &bytes.Buffer{})
	everything(t, m, &depths{})
	all := scrape(t, m)
	for _, c := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{7, "runs_fleet_webhook_deliveries_total", []string{"outcome=stored"}},
		{1, "runs_fleet_job_moves_total", []string{"state=queued", "conclusion=none", "source=webhook"}},
		{1, "runs_fleet_job_moves_total", []string{"state=completed", "conclusion=success", "source=question"}},
		{1, "runs_fleet_job_queue_time_seconds", nil},
		{2, "runs_fleet_launch_wait_seconds", nil},
		{1, "runs_fleet_launch_calls_total", []string{"market=spot", "outcome=answered"}},
		{2, "runs_fleet_launch_places_total", []string{"market=spot", "outcome=attached"}},
		{3, "runs_fleet_launch_places_total", []string{"market=any", "outcome=capacity"}},
		{0, "runs_fleet_machines", []string{"state=working"}},
		{1, "runs_fleet_machine_boot_time_seconds", []string{"market=on-demand"}},
		{1, "runs_fleet_machines_ended_total", []string{"state=gone", "reason=job_ended"}},
		{0, "runs_fleet_machines_surplus_total", []string{"reason=job_ended"}},
		{1, "runs_fleet_machines_surplus_total", []string{"reason=unneeded"}},
		{1, "runs_fleet_registrations_total", []string{"outcome=registered"}},
		{1, "runs_fleet_registration_deletions_total", []string{"outcome=deleted"}},
		{8, "runs_fleet_github_calls_total", []string{"class=jobs", "status=2xx"}},
		{2, "runs_fleet_github_calls_total", []string{"class=jobs", "status=limited"}},
		{900, "runs_fleet_github_remaining_calls", []string{"resource=core"}}, // the other account's window is over
		{0, "runs_fleet_github_pause_seconds", nil},
		{1, "runs_fleet_reconcile_duration_seconds", nil},
		{2, "runs_fleet_reconcile_conflicts_total", nil},
		{5, "runs_fleet_queue_messages", []string{"state=ready"}},
		{1, "runs_fleet_queue_messages", []string{"state=dead"}},
		{0, "runs_fleet_due_lag_seconds", nil},
		{1, "runs_fleet_sweep_duration_seconds", []string{"work=github"}},
		{1, "runs_fleet_sweep_errors_total", []string{"work=github"}},
		{1, "runs_fleet_fallbacks_total", []string{"kind=token_renewed"}},
	} {
		if got := value(t, all, c.name, c.labels...); got != c.want {
			t.Errorf("%s%q = %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

func TestTheTableIsWhatIsServed(t *testing.T) {
	m := begin(t, &bytes.Buffer{})
	everything(t, m, &depths{})
	served := map[string]string{}
	for name, f := range scrape(t, m) {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		served[name] = strings.ToLower(f.GetType().String()) + ": " + f.GetHelp()
	}
	table := map[string]string{}
	for _, row := range telemetry.Table() {
		table[row.Prometheus()] = string(row.Kind) + ": " + row.Help
	}
	if diff := cmp.Diff(table, served); diff != "" {
		t.Errorf("the table (-) and what is served (+) differ:\n%s", diff)
	}
}

func TestTheProcessIsMeasured(t *testing.T) {
	all := scrape(t, begin(t, &bytes.Buffer{}))
	if value(t, all, "go_goroutines") < 1 || value(t, all, "process_start_time_seconds") <= 0 {
		t.Error("the metrics of the Go runtime or of the process say nothing")
	}
}

func TestUnknownWordsBecomeOther(t *testing.T) {
	m := begin(t, &bytes.Buffer{})
	for _, code := range []string{"i-0123456789abcdef0", "Whatever", "StrangeCode"} {
		m.PlacesSettled(controller.Places{Market: fleet.Spot, Code: code, Count: 1})
		m.JobMoved(controller.JobMove{State: fleet.JobCompleted, Conclusion: code})
		m.FellBack(controller.Fallback(code))
	}
	all := scrape(t, m)
	for name, labels := range map[string][]string{
		"runs_fleet_launch_places_total": {"market=spot", "outcome=other"},
		"runs_fleet_job_moves_total":     {"state=completed", "conclusion=other", "source=webhook"},
		"runs_fleet_fallbacks_total":     {"kind=other"},
	} {
		if got := value(t, all, name, labels...); got != 3 {
			t.Errorf("%s = %v, want 3", name, got)
		}
	}
}

func TestWhatCannotBeReadIsAbsent(t *testing.T) {
	var log bytes.Buffer
	m := begin(t, &log)
	everything(t, m, &depths{err: errTest})
	all := scrape(t, m)
	if all["runs_fleet_queue_messages"] != nil {
		t.Error("a queue that does not answer has a depth")
	}
	if value(t, all, "runs_fleet_due_lag_seconds") != 0 {
		t.Error("another metric suffers from it")
	}
	if !strings.Contains(log.String(), "runs_fleet_queue_messages") {
		t.Errorf("nothing in the log tells why: %s", log.String())
	}
}

func TestManyReadersCostNoMoreThanOne(t *testing.T) {
	m, q := begin(t, &bytes.Buffer{}), &depths{}
	everything(t, m, q)
	for range 5 {
		scrape(t, m)
	}
	if q.asked != 1 {
		t.Errorf("the queue was counted %d times at once", q.asked)
	}
}

func TestOpenMetricsIsServedToWhoAsksForIt(t *testing.T) {
	out := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	begin(t, &bytes.Buffer{}).Handler().ServeHTTP(out, req)
	if got := out.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") {
		t.Errorf("Content-Type = %q", got)
	}
	if !strings.HasSuffix(out.Body.String(), "# EOF\n") {
		t.Error("the page does not end as OpenMetrics do")
	}
}
