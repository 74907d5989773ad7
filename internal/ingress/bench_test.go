package ingress_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// writer is a response that is thrown away.
type writer struct {
	header http.Header
	code   int
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }
func (w *writer) WriteHeader(code int)        { w.code = code }
func (w *writer) reset()                      { clear(w.header); w.code = 0 }

// BenchmarkWebhook is a delivery of 10 KB, as GitHub's are, from its first byte to the queue.
func BenchmarkWebhook(b *testing.B) {
	filler := strings.Repeat(`"some_url":"https://api.github.com/repos/octo-org/app/some{/thing}",`, 135)
	body := payload(`"sender":{`, `"sender":{`+filler)
	w := newWebhook(b, discard{})
	signature := sign(secret, body)
	out := &writer{header: http.Header{}}
	reader := bytes.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/webhook", nil)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "workflow_job")
	r.Header.Set("X-Hub-Signature-256", signature)
	r.Body = nopCloser{reader}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		reader.Reset(body)
		r.Header["X-Github-Delivery"] = []string{strconv.Itoa(n)}
		out.reset()
		w.ServeHTTP(out, r)
		if out.code != http.StatusAccepted {
			b.Fatalf("answered %d", out.code)
		}
	}
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }
