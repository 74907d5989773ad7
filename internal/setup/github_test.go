package setup_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/contract"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/setup"
)

const goodToken = "ghp_good00000000000000000000000000000000"

// described is GitHub's own description of its API, loaded once.
var described = sync.OnceValues(contract.Load)

// gitHub is a simulated GitHub on a port of this machine.
type gitHub struct {
	t    *testing.T
	url  string
	hook http.RoundTripper // holds every call of the product to GitHub's description
}

func startGitHub(t *testing.T) *gitHub {
	t.Helper()
	sim, err := githubsim.New(githubsim.Options{
		Logger: slog.New(slog.DiscardHandler),
		Repositories: []githubsim.RepositorySpec{
			{Owner: "acme", Name: "shop", Private: true, Organization: true}, {Owner: "acme", Name: "site", Private: true, Organization: true},
		},
		PersonalTokens: []githubsim.PersonalToken{
			{Token: goodToken, Login: "octocat"},
			{Token: "ghp_weak", Login: "octocat", Permissions: map[string]string{"actions": "read", "metadata": "read"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	sim.SetBaseURL(server.URL)
	c, err := described()
	if err != nil {
		t.Fatal(err)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(func() {
		base.CloseIdleConnections()
		server.Close()
		sim.Close()
	})
	return &gitHub{t: t, url: server.URL, hook: c.Transport(base)}
}

// browser is a person at a browser, which follows no redirect by itself.
type browser struct {
	t    *testing.T
	http *http.Client
}

func newBrowser(t *testing.T) browser {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return browser{t: t, http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b browser) do(method, address string, form url.Values) (status int, header http.Header, page string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// submit sends the form of a page as it is.
func (b browser) submit(from, page string) (status int, header http.Header, next string) {
	b.t.Helper()
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page)
	if action == nil {
		b.t.Fatalf("the page has no form:\n%s", page)
	}
	values := url.Values{}
	for _, field := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		values.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	if option := regexp.MustCompile(`<select name="account"><option>([^<]+)`).FindStringSubmatch(page); option != nil {
		values.Set("account", option[1])
	}
	to, err := url.Parse(html.UnescapeString(action[1]))
	base, baseErr := url.Parse(from)
	if err != nil || baseErr != nil {
		b.t.Fatal(err, baseErr)
	}
	return b.do(http.MethodPost, base.ResolveReference(to).String(), values)
}

// createApp goes from the page at this address to the address that GitHub leads back to.
func (b browser) createApp(start string) string {
	b.t.Helper()
	_, _, page := b.do(http.MethodGet, start, nil)
	return b.createFrom(page)
}

func (b browser) createFrom(page string) string {
	b.t.Helper()
	status, _, confirm := b.submit("", page)
	if status != http.StatusOK {
		b.t.Fatalf("GitHub answers %d to the manifest:\n%s", status, confirm)
	}
	action := regexp.MustCompile(`action="(https?://[^/"]+)`).FindStringSubmatch(page)
	status, header, text := b.submit(action[1], confirm)
	if status != http.StatusFound {
		b.t.Fatalf("GitHub does not create the App: %d\n%s", status, text)
	}
	return header.Get("Location")
}

// install presses the button on the App's page.
func (b browser) install(address string) {
	b.t.Helper()
	_, _, page := b.do(http.MethodGet, address, nil)
	if status, _, text := b.submit(address, page); status != http.StatusOK {
		b.t.Fatalf("installing: %d\n%s", status, text)
	}
}

// terminal is a set-up that runs, and what it has said.
type terminal struct {
	t    *testing.T
	in   *io.PipeWriter
	tick chan struct{}
	done chan struct{}
	stop func()

	mu   sync.Mutex
	text strings.Builder
	news chan struct{}

	out setup.Outcome
	err error
}

func (s *terminal) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	select {
	case s.news <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *terminal) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the pattern has been said, and returns its first group.
func (s *terminal) await(pattern string) string {
	s.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(s.said()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-s.news:
		case <-s.done:
			s.t.Fatalf("it ended without %q: %v\n%s", pattern, s.err, s.said())
		case <-limit:
			s.t.Fatalf("%q has not been said:\n%s", pattern, s.said())
		}
	}
}

// end waits for the end.
func (s *terminal) end() {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("it does not end:\n%s", s.said())
	}
}

// stepped is the system's clock, on which a sleep lasts until the test says so.
type stepped struct {
	seam.System
	tick chan struct{}
}

func (c stepped) Sleep(ctx context.Context, _ time.Duration) error {
	select {
	case <-c.tick:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type way func(context.Context, setup.Options, setup.Dialogue) (setup.Outcome, error)

// run starts a set-up against the simulated GitHub.
func (g *gitHub) run(w way, o setup.Options, secret func() (string, error)) *terminal {
	in, out := io.Pipe()
	s := &terminal{t: g.t, in: out, tick: make(chan struct{}), done: make(chan struct{}), news: make(chan struct{}, 1)}
	o.GitHubURL = g.url + "/api/v3"
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	ctx, cancel := context.WithCancel(g.t.Context())
	s.stop = cancel
	g.t.Cleanup(func() {
		cancel()
		_ = out.Close()
		<-s.done
	})
	go func() {
		defer close(s.done)
		s.out, s.err = w(ctx, o, setup.Dialogue{
			In: in, Out: s, ReadSecret: secret, Clock: stepped{tick: s.tick}, Random: seam.Crypto{}, Transport: g.hook, UserAgent: "runs-fleet/test",
		})
	}()
	return s
}

// contents reads every file of a folder, and complains about those that others can read.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), info.Mode().Perm())
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(b)
	}
	return found
}
