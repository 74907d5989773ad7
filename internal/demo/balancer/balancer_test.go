package balancer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/demo/balancer"
)

// through sends a request through the balancer.
func through(t *testing.T, b *balancer.Balancer, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL+"/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// replica answers with its name and what it was sent.
func replica(name string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, name+" "+string(body))
	}))
}

func TestTheBalancerGivesRequestsToReplicasInTurn(t *testing.T) {
	b, err := balancer.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer b.Close()
	if status, _ := through(t, b, "x"); status != http.StatusServiceUnavailable {
		t.Errorf("without a replica the answer is %d", status)
	}
	one, two := replica("one"), replica("two")
	defer one.Close()
	for _, r := range []*httptest.Server{one, two} {
		if err := b.Add(r.URL); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for range 6 {
		_, answer := through(t, b, "body")
		seen[answer]++
	}
	if seen["one body"] != 3 || seen["two body"] != 3 {
		t.Errorf("answers: %v", seen)
	}
	two.Close()
	for range 4 {
		if status, answer := through(t, b, "body"); status != http.StatusOK || answer != "one body" {
			t.Errorf("after the other replica had gone: %d %q", status, answer)
		}
	}
}
