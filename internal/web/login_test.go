package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// loginPath makes a one-time address and returns its path.
func loginPath(t *testing.T, w *webtest.World) string {
	t.Helper()
	path, ok := strings.CutPrefix(w.LoginURL(t), w.HTTP.URL)
	if !ok {
		t.Fatal("the address is not the server's")
	}
	return path
}

// logIn returns a browser's session cookie.
func logIn(t *testing.T, w *webtest.World) *http.Cookie {
	t.Helper()
	resp, _ := ask(t, w, http.MethodGet, loginPath(t, w), nil)
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		t.Fatalf("logging in: %d, cookies %v", resp.StatusCode, resp.Cookies())
	}
	return resp.Cookies()[0]
}

func with(c *http.Cookie) func(*http.Request) { return func(r *http.Request) { r.AddCookie(c) } }

func TestAOneTimeAddressLogsOneBrowserIn(t *testing.T) {
	w := webtest.New(t)
	path := loginPath(t, w)
	first, _ := ask(t, w, http.MethodGet, path, nil)
	second, _ := ask(t, w, http.MethodGet, path, nil)
	if first.StatusCode != http.StatusOK || second.StatusCode != http.StatusUnauthorized || len(second.Cookies()) != 0 {
		t.Fatalf("first %d, second %d with cookies %v", first.StatusCode, second.StatusCode, second.Cookies())
	}
	cookie := first.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.MaxAge <= 0 {
		t.Errorf("cookie %+v", cookie)
	}
	for _, p := range []string{"/", "/api/v1/jobs", "/api/v1/status"} {
		if resp, body := ask(t, w, http.MethodGet, p, with(cookie)); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", p, resp.StatusCode, body)
		}
	}
	if again, _ := ask(t, w, http.MethodGet, path, with(cookie)); again.StatusCode != http.StatusOK {
		t.Errorf("the same browser with the same address: %d", again.StatusCode)
	}
}

func TestAPreviewDoesNotUseTheAddressUp(t *testing.T) {
	w := webtest.New(t)
	path := loginPath(t, w)
	for _, preview := range []func(*http.Request){header("Sec-Purpose", "prefetch;prerender"), header("Purpose", "prefetch")} {
		if resp, _ := ask(t, w, http.MethodGet, path, preview); len(resp.Cookies()) != 0 {
			t.Error("a preview got a session")
		}
	}
	if resp, _ := ask(t, w, http.MethodHead, path, nil); len(resp.Cookies()) != 0 {
		t.Error("HEAD got a session")
	}
	logged, _ := ask(t, w, http.MethodGet, path, nil)
	if logged.StatusCode != http.StatusOK || len(logged.Cookies()) != 1 {
		t.Errorf("after the previews: %d", logged.StatusCode)
	}
}

func TestAddressesAndSessionsRunOut(t *testing.T) {
	w := webtest.New(t)
	path, cookie := loginPath(t, w), logIn(t, w)
	if err := w.Clock.Sleep(t.Context(), 13*time.Hour); err != nil {
		t.Fatal(err)
	}
	if resp, _ := ask(t, w, http.MethodGet, "/api/v1/jobs", with(cookie)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a session of 13 hours: %d", resp.StatusCode)
	}
	if err := w.Clock.Sleep(t.Context(), 12*time.Hour); err != nil {
		t.Fatal(err)
	}
	if resp, _ := ask(t, w, http.MethodGet, path, nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an address of 25 hours: %d", resp.StatusCode)
	}
}

func TestLoggingOutEndsTheSession(t *testing.T) {
	w := webtest.New(t)
	cookie := logIn(t, w)
	if resp, _ := ask(t, w, http.MethodPost, "/logout", both(with(cookie), header("Origin", w.HTTP.URL))); resp.StatusCode != http.StatusOK {
		t.Errorf("logging out answers %d", resp.StatusCode)
	}
	if resp, _ := ask(t, w, http.MethodGet, "/api/v1/jobs", with(cookie)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the ended session still opens the API: %d", resp.StatusCode)
	}
}

func TestASessionMayChangeThingsOnlyWhenTheBrowserSaysWhere(t *testing.T) {
	w := webtest.New(t)
	cookie := logIn(t, w)
	if resp, _ := ask(t, w, http.MethodPost, "/api/v1/drain", with(cookie)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without Origin: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, w, http.MethodPost, "/api/v1/drain", both(with(cookie), header("Origin", w.HTTP.URL))); resp.StatusCode != http.StatusAccepted {
		t.Errorf("with our Origin: %d", resp.StatusCode)
	}
}

func TestAWrongTokenIsNotMadeGoodByASession(t *testing.T) {
	w := webtest.New(t)
	if resp, _ := ask(t, w, http.MethodGet, "/api/v1/jobs", both(with(logIn(t, w)), bearer("guess"))); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", resp.StatusCode)
	}
}

func TestABrowserThatIsNotLoggedInIsToldHow(t *testing.T) {
	w := webtest.New(t)
	resp, body := ask(t, w, http.MethodGet, "/", header("Accept", "text/html"))
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "runs-fleet login") {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
}
