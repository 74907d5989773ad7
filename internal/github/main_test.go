package github_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	personalToken = "github_pat_0123456789_secret"
	sha           = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
)

// appKey is one key for all tests, since making one takes a while.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func appKeyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})
}

func repo() fleet.Repository {
	return fleet.Repository{Host: "github.com", ID: 31, Owner: "octo-org", Name: "app", Private: true}
}

// request is one that the hub got.
type request struct {
	Method, Path, Query, Authorization, IfNoneMatch string
	Body                                            string
}

// hub is a GitHub that answers what a test tells it to, without a network, so that tests can have a clock of their own.
type hub struct {
	t      testing.TB
	mux    *http.ServeMux
	mu     sync.Mutex
	all    []request
	tokens int // issued
	taken  map[string]bool
}

func newHub(t testing.TB) *hub {
	h := &hub{t: t, mux: http.NewServeMux(), taken: map[string]bool{}}
	h.on("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}`)
	})
	return h
}

func (h *hub) on(pattern string, f http.HandlerFunc) {
	h.taken[pattern] = true
	h.mux.HandleFunc(pattern, f)
}

// fallback answers where the test itself has said nothing.
func (h *hub) fallback(pattern string, f http.HandlerFunc) {
	if !h.taken[pattern] {
		h.on(pattern, f)
	}
}

// RoundTrip implements http.RoundTripper.
func (h *hub) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	h.mu.Lock()
	h.all = append(h.all, request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Authorization: r.Header.Get("Authorization"),
		IfNoneMatch: r.Header.Get("If-None-Match"), Body: strings.TrimSpace(string(body)),
	})
	h.mu.Unlock()
	in := r.Clone(r.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	out := httptest.NewRecorder()
	out.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.mux.ServeHTTP(out, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if out.Code == broken {
		return nil, io.ErrUnexpectedEOF
	}
	resp := out.Result()
	resp.Request = r
	return resp, nil
}

// broken is the status of an answer that never comes.
const broken = 999

// requests returns what the hub got at paths that contain part.
func (h *hub) requests(part string) []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	var some []request
	for _, r := range h.all {
		if strings.Contains(r.Method+" "+r.Path, part) {
			some = append(some, r)
		}
	}
	return some
}

// issuesTokens makes the hub one where the App is installed as 12 and gets tokens of an hour.
func (h *hub) issuesTokens() {
	h.fallback("GET /repos/octo-org/app/installation", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"id":12}`) })
	h.fallback("POST /app/installations/{id}/access_tokens", func(w http.ResponseWriter, _ *http.Request) {
		h.mu.Lock()
		h.tokens++
		n := h.tokens
		h.mu.Unlock()
		answer(w, http.StatusCreated, fmt.Sprintf(`{"token":"ghs_12_%d.%s","expires_at":%q}`, n, strings.Repeat("x", 300),
			time.Now().UTC().Add(time.Hour).Format(time.RFC3339)))
	})
}

func (h *hub) client(change ...func(*github.Options)) *github.Client {
	h.t.Helper()
	o := github.Options{Transport: h, Clock: seam.System{}, Random: seam.Crypto{}, Token: personalToken}
	for _, c := range change {
		c(&o)
	}
	c, err := github.New(o)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// asApp configures the App and no personal token.
func asApp(o *github.Options) {
	o.App, o.Token = &github.AppCredentials{ID: "4711", PrivateKeyPEM: appKeyPEM()}, ""
}

func answer(w http.ResponseWriter, status int, body string, headers ...string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i+1 < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// always answers every request alike.
func always(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, status, body, headers...) }
}

// series answers the first request with the first answer and so on; the last answer stays.
func series(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		now(w, r)
	}
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func sleep(t testing.TB, d time.Duration) {
	t.Helper()
	if err := (seam.System{}).Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}
