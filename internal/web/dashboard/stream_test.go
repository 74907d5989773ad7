package dashboard_test

import (
	"bufio"
	"context"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// news reads a page's stream, one event at a time: its name and data.
type news struct {
	t     *testing.T
	lines *bufio.Scanner
	end   context.CancelFunc
}

func open(t *testing.T, w *webtest.World, path string) *news {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.HTTP.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+webtest.Token)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := w.HTTP.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = resp.Body.Close()
	})
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || ct != "text/event-stream; charset=utf-8" {
		t.Fatalf("%d %s", resp.StatusCode, ct)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &news{t, lines, cancel}
}

// next returns the next event; an empty name is the end of the stream.
func (n *news) next() (name, data string) {
	n.t.Helper()
	for n.lines.Scan() {
		line := n.lines.Text()
		switch {
		case line == "" && name != "":
			return name, data
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data:"):
			data += strings.TrimPrefix(strings.TrimPrefix(line, "data:"), " ") + "\n"
		}
	}
	return "", ""
}

func TestAStreamTellsWhatHasChangedAndNothingElse(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, nil))
	s := open(t, w, "/jobs?state=queued")
	if name, data := s.next(); name != "live" || !strings.Contains(data, "j-github.com-1") || strings.Contains(data, "<html") {
		t.Errorf("first %q: %s", name, data)
	}
	w.PutJobs(t, webtest.Job(2, webtest.Ended("success"))) // is not in this list
	w.PutJobs(t, webtest.Job(3, nil))
	if name, data := s.next(); name != "live" || !strings.Contains(data, "j-github.com-3") || strings.Contains(data, "j-github.com-2") {
		t.Errorf("then %q: %s", name, data)
	}
}

func TestAPageThatHasJustBeenLoadedIsNotReplacedByItsLike(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, nil))
	_, body := page(t, w, "/jobs?state=queued")
	_, address, _ := strings.Cut(body, `sse-connect="`)
	address, _, _ = strings.Cut(address, `"`)
	s := open(t, w, html.UnescapeString(address))
	w.PutJobs(t, webtest.Job(2, nil))
	if _, data := s.next(); !strings.Contains(data, "j-github.com-2") {
		t.Errorf("the first news are %s", data)
	}
}

// failure mode K5
func TestAStreamSaysThatItCannotRenewThePageAndWhenItCanAgain(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, nil))
	s := open(t, w, "/")
	s.next()
	w.Broken.Store(true)
	w.PutJobs(t, webtest.Job(2, nil))
	if name, data := s.next(); name != "trouble" || !strings.Contains(data, "cannot read its records") {
		t.Errorf("%q: %s", name, data)
	}
	w.Broken.Store(false)
	if name, data := s.next(); name != "trouble" || strings.TrimSpace(data) != "" {
		t.Errorf("%q: %s", name, data)
	}
	if name, _ := s.next(); name != "live" {
		t.Errorf("%q", name)
	}
}

func TestAStreamEndsWithItsServer(t *testing.T) {
	w := webtest.New(t)
	s := open(t, w, "/")
	s.next()
	w.Stop()
	if name, _ := s.next(); name != "" {
		t.Errorf("%q after the end", name)
	}
}

func TestThereAreOnlySoManyStreams(t *testing.T) {
	w := webtest.New(t)
	var last *news
	for range 200 {
		last = open(t, w, "/runners")
	}
	ask := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.HTTP.URL+"/jobs", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+webtest.Token)
		req.Header.Set("Accept", "text/event-stream")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		resp, err := w.HTTP.Client().Do(req.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if status := ask(); status != http.StatusServiceUnavailable {
		t.Errorf("one stream too many gets %d", status)
	}
	if status, _ := page(t, w, "/jobs"); status != http.StatusOK {
		t.Errorf("a page gets %d", status)
	}
	last.end()
	w.PutMachines(t, webtest.Machine("m1", fleet.MachineReady)) // a stream that writes notices that nobody listens
	for status := ask(); status != http.StatusOK; status = ask() {
		if t.Context().Err() != nil {
			t.Fatalf("a place that is free gets %d", status)
		}
	}
}
