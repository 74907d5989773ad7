package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestQuantile(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, 1}, {0.2, 1}, {0.21, 2}, {0.5, 3}, {0.99, 5}, {1, 5}} {
		if got := quantile(values, c.q); got != c.want {
			t.Errorf("quantile %g = %d, want %d", c.q, got, c.want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing = %d", got)
	}
}

func TestDeliveriesAreSignedPayloadsOfTenKilobytes(t *testing.T) {
	d := newDeliveries(ours)
	for _, job := range []int64{firstJob, firstJob + 1, firstJob + 987_654_321} {
		body := d.body(d.make(job, time.Now()))
		if len(body) != bodyBytes {
			t.Errorf("job %d: %d bytes, want %d", job, len(body), bodyBytes)
		}
		var p struct {
			Job struct {
				ID     int64    `json:"id"`
				Labels []string `json:"labels"`
			} `json:"workflow_job"`
			Repository map[string]any `json:"repository"`
		}
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{ours(job)}, p.Job.Labels); p.Job.ID != job || diff != "" || len(p.Repository) < 60 {
			t.Errorf("job %d, %d fields of the repository, labels (-want +got):\n%s", p.Job.ID, len(p.Repository), diff)
		}
	}
}

// post gives a handler one delivery as the load sends it.
func post(t *testing.T, handler http.Handler, d *deliveries, one delivery) int {
	t.Helper()
	raw := append(bytes.Clone(d.httpRequest(one)), d.suffix...)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	out := httptest.NewRecorder()
	handler.ServeHTTP(out, r)
	return out.Code
}

func TestBareHandlerRefusesWhatIsNotSigned(t *testing.T) {
	log, err := openSyncedLog(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	d := newDeliveries(foreign)
	good := d.make(firstJob, time.Now())
	forged := good
	forged.signature = d.make(firstJob+1, time.Now()).signature
	if code := post(t, newBare(log), d, good); code != http.StatusAccepted {
		t.Errorf("a signed delivery was answered %d", code)
	}
	if code := post(t, newBare(log), d, forged); code != http.StatusUnauthorized {
		t.Errorf("a forged delivery was answered %d", code)
	}
}

func TestServerStoresTheDeliveries(t *testing.T) {
	w, err := openWorld(t.Context(), worldOptions{dir: t.TempDir(), log: io.Discard, labels: ours})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	d := newDeliveries(ours)
	if code := post(t, w.webhook, d, d.make(firstJob, time.Now())); code != http.StatusAccepted {
		t.Errorf("a delivery was answered %d", code)
	}
	if stored := w.webhook.Stats()[ingress.Stored]; stored != 1 {
		t.Errorf("%d deliveries stored, want 1", stored)
	}
}

func TestAcceptedReadsOneAnswerAfterTheOther(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("HTTP/1.1 202 Accepted\r\ncontent-length: 7\r\n\r\nstored\n" +
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"))
	for range 2 {
		if err := accepted(in); err != nil {
			t.Error(err)
		}
	}
	if err := accepted(in); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("accepted = %v, want an error that names 503", err)
	}
}

func TestMeasuredPairsDeliveriesWithPlacesOfLaunches(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	got := measured(at(0), []time.Time{at(30), at(10), at(20)}, []launchStart{{at(60), 1}, {at(50), 2}})
	want := []time.Duration{40 * time.Millisecond, 30 * time.Millisecond, 30 * time.Millisecond}
	if diff := cmp.Diff(want, got.delays); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
	if got.accepted != 30*time.Millisecond || got.last != 60*time.Millisecond || got.calls != 2 {
		t.Errorf("accepted %s, last %s, %d calls", got.accepted, got.last, got.calls)
	}
}

func TestReportSaysWhatWasMissed(t *testing.T) {
	r := newReport(time.Unix(0, 0).UTC(), false)
	r.add(figure{Benchmark: "b", Case: "c", What: "rate", Unit: "/s", Value: 1234, Limit: 2000}, ratioAtLeast(0.5))
	r.add(figure{Benchmark: "b", Case: "c", What: "p99", Unit: "ms", Value: 250, Limit: 100}, ratioAtMost(2))
	var out strings.Builder
	if err := r.table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1,234 /s", "0.62", ">= 0.5 x limit", "met", "2.50", "MISSED"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestRunRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"speed"}, {"sizes", "--output", "xml"}, {processCommand}} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestABurstIsMeasured(t *testing.T) {
	b := &bench{clock: seam.System{}, random: seam.Crypto{}, progress: io.Discard}
	for name, f := range map[string]func() (burst, error){
		"server": func() (burst, error) { return oneBurst(t.Context(), b, t.TempDir(), 3, false) },
		"limit":  func() (burst, error) { return bareBurst(t.Context(), b, t.TempDir(), 3) },
	} {
		got, err := f()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got.delays) != 3 || got.calls == 0 {
			t.Errorf("%s: %d delays, %d calls", name, len(got.delays), got.calls)
		}
	}
}
