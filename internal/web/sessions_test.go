package web_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web"
	"github.com/runs-fleet/runs-fleet/internal/web/api"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// at asks another server than the world's first.
func at(t *testing.T, server, method, path string, change func(*http.Request)) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestASessionIsValidAtEveryServer(t *testing.T) {
	w := webtest.New(t)
	other := w.Another(t)
	cookie := logIn(t, w)
	for _, server := range []string{w.HTTP.URL, other} {
		for _, path := range []string{"/", "/api/v1/status"} {
			if resp := at(t, server, http.MethodGet, path, with(cookie)); resp.StatusCode != http.StatusOK {
				t.Errorf("%s%s: %d", server, path, resp.StatusCode)
			}
		}
	}
	// Logging out at one is noticed at the other, within the time that it believes in a session without asking.
	if resp := at(t, other, http.MethodPost, "/logout", both(with(cookie), header("Origin", other))); resp.StatusCode != http.StatusOK {
		t.Fatalf("logging out: %d", resp.StatusCode)
	}
	if resp := at(t, other, http.MethodGet, "/", with(cookie)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("where it ended: %d", resp.StatusCode)
	}
	if err := w.Clock.Sleep(t.Context(), 6*time.Second); err != nil {
		t.Fatal(err)
	}
	if resp := at(t, w.HTTP.URL, http.MethodGet, "/", with(cookie)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("elsewhere, six seconds later: %d", resp.StatusCode)
	}
}

func TestAOneTimeAddressIsGoodAtEveryServerAndOnce(t *testing.T) {
	w := webtest.New(t)
	other := w.Another(t)
	path := loginPath(t, w)
	first := at(t, other, http.MethodGet, path, nil)
	if first.StatusCode != http.StatusOK || len(first.Cookies()) != 1 {
		t.Fatalf("at the other server: %d, cookies %v", first.StatusCode, first.Cookies())
	}
	second := at(t, w.HTTP.URL, http.MethodGet, path, nil)
	if second.StatusCode != http.StatusUnauthorized || len(second.Cookies()) != 0 {
		t.Errorf("again, where it was made: %d, cookies %v", second.StatusCode, second.Cookies())
	}
	// A balancer sends a browser that opens the address again anywhere: it stays logged in.
	again := at(t, w.HTTP.URL, http.MethodGet, path, with(first.Cookies()[0]))
	if again.StatusCode != http.StatusOK || len(again.Cookies()) != 0 {
		t.Errorf("the same browser: %d, cookies %v", again.StatusCode, again.Cookies())
	}
}

// Several browsers with one address, at several servers at once: one of them is let in.
func TestOfManyBrowsersWithOneAddressOneIsLoggedIn(t *testing.T) {
	w := webtest.New(t)
	servers := []string{w.HTTP.URL, w.Another(t), w.Another(t)}
	path := loginPath(t, w)
	const each = 4
	codes := make(chan int, each*len(servers))
	for range each {
		for _, server := range servers {
			go func() { codes <- at(t, server, http.MethodGet, path, nil).StatusCode }()
		}
	}
	in := 0
	for range cap(codes) {
		if code := <-codes; code == http.StatusOK {
			in++
		} else if code != http.StatusUnauthorized {
			t.Errorf("answered %d", code)
		}
	}
	if in != 1 {
		t.Errorf("%d browsers are logged in", in)
	}
}

// away is a keeper of sessions whose database cannot be reached.
type away struct{}

var errAway = errors.New("the table is away")

func (away) OfferLogin(context.Context, string, time.Time) error { return errAway }

func (away) RedeemLogin(context.Context, string, string, time.Time, time.Time) (bool, error) {
	return false, errAway
}
func (away) SessionUntil(context.Context, string) (time.Time, error) { return time.Time{}, errAway }
func (away) EndSession(context.Context, string) error                { return errAway }

var _ web.Sessions = (*record.Records)(nil)

func TestWithoutADatabaseNobodyIsLoggedInOrOut(t *testing.T) {
	none := http.NotFoundHandler()
	s := web.New(web.Config{
		Ready: none, Agent: none, Sessions: away{}, Clock: seam.System{}, Random: seam.Crypto{}, Listen: "127.0.0.1:1", LocalURL: "http://127.0.0.1:1",
		API: api.Config{Logger: slog.New(slog.DiscardHandler), Clock: seam.System{}},
	})
	secret := strings.Repeat("0f", 32)
	for path, want := range map[string]int{"/": http.StatusServiceUnavailable, "/login?token=" + secret: http.StatusServiceUnavailable, "/login?token=x": http.StatusServiceUnavailable} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1"+path, http.NoBody)
		r.AddCookie(&http.Cookie{Name: "runs_fleet_session", Value: secret})
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		if answer.Code != want || !strings.Contains(answer.Body.String(), "who is logged in") || len(answer.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
	if _, err := s.LoginURL(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("LoginURL: %v", err)
	}
	// What cannot be a session's cookie is not asked for.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/api/v1/jobs", http.NoBody)
	r.AddCookie(&http.Cookie{Name: "runs_fleet_session", Value: "guess"})
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	if answer.Code != http.StatusUnauthorized {
		t.Errorf("a guess: %d", answer.Code)
	}
}
