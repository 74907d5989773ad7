package setup_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/setup"
)

const (
	startAddress   = `(?m)^  (http://127\.0\.0\.1:\d+/\w+)$`
	installAddress = `(?m)^  (http://\S+/installations/new)$`
)

// load reads the settings that were written, as a server does.
func load(t *testing.T, path string) settings.Settings {
	t.Helper()
	s, err := settings.Load(settings.Sources{File: path, ReadFile: os.ReadFile, HomeDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// secrets are what must be shown nowhere.
func secrets(files map[string]string) []string {
	var out []string
	for name, content := range files {
		if name == "settings.yml" {
			continue
		}
		for line := range strings.Lines(content) {
			if line = strings.TrimSpace(line); len(line) > 20 && !strings.HasPrefix(line, "-----") {
				out = append(out, line)
			}
		}
	}
	return out
}

func noSecret(t *testing.T, text string, files map[string]string) {
	t.Helper()
	for _, s := range secrets(files) {
		if strings.Contains(text, s) {
			t.Errorf("a secret is shown: %q", s)
		}
	}
}

func TestAnAppIsCreatedInstalledAndUsed(t *testing.T) {
	g, b, dir := startGitHub(t), newBrowser(t), filepath.Join(t.TempDir(), "config")
	s := g.run(setup.App, setup.Options{Dir: dir, Organization: "acme"}, nil)
	back := b.createApp(s.await(startAddress))
	if status, _, page := b.do("GET", back, nil); status != 200 || !strings.Contains(page, "created") {
		t.Errorf("%d %s", status, page)
	}
	b.install(s.await(installAddress))
	s.tick <- struct{}{}
	s.end()
	if s.err != nil {
		t.Fatalf("%v\n%s", s.err, s.said())
	}
	files := contents(t, dir)
	noSecret(t, s.said(), files)
	if len(files) != 3 || !strings.Contains(files["github-app-"+s.out.AppID+".pem"], "PRIVATE KEY") {
		t.Errorf("files: %v", files)
	}
	got := load(t, s.out.Settings)
	want := []string{"acme/shop", "acme/site"}
	if got.GitHubAppID != s.out.AppID || !got.Polls() || !cmp.Equal(got.Repositories, want) || got.GitHubURL != g.url+"/api/v3" {
		t.Errorf("settings: %+v", got)
	}

	again := g.run(setup.App, setup.Options{Dir: dir, Organization: "acme"}, nil)
	again.end()
	if again.err != nil || again.out.AppID != s.out.AppID || !strings.Contains(again.said(), "it is used") {
		t.Errorf("again: %v %+v\n%s", again.err, again.out, again.said())
	}
	if diff := cmp.Diff(files, contents(t, dir)); diff != "" {
		t.Errorf("the second run changed files: %s", diff)
	}
}

func TestWhatWasInterruptedGoesOn(t *testing.T) {
	g, b, dir := startGitHub(t), newBrowser(t), t.TempDir()
	s := g.run(setup.App, setup.Options{Dir: dir, Organization: "acme"}, nil)
	b.do("GET", b.createApp(s.await(startAddress)), nil)
	page := s.await(installAddress)
	s.stop()
	s.end()
	if s.err == nil {
		t.Fatal("it did not notice that it was interrupted")
	}
	again := g.run(setup.App, setup.Options{Dir: dir, Organization: "acme"}, nil)
	if got := again.await(installAddress); got != page {
		t.Errorf("install at %s, want %s", got, page)
	}
	b.install(page)
	again.tick <- struct{}{}
	again.end()
	if again.err != nil || len(load(t, again.out.Settings).Repositories) != 2 {
		t.Errorf("%v\n%s", again.err, again.said())
	}
}

func TestWithoutABrowserHereThePageIsTakenElsewhereAndTheAddressPasted(t *testing.T) {
	g, b, dir := startGitHub(t), newBrowser(t), t.TempDir()
	s := g.run(setup.App, setup.Options{Dir: dir, Organization: "acme", ExternalURL: "https://fleet.example.com", Repositories: []string{"acme/shop"}}, nil)
	s.await(startAddress)
	page, err := os.ReadFile(filepath.Join(dir, "create-app.html"))
	if err != nil {
		t.Fatal(err)
	}
	back := b.createFrom(string(page))
	for _, wrong := range []string{"hello", "http://127.0.0.1:1/created?code=0123456789abcdef&state=another", "0123456789/../x"} {
		_, _ = s.in.Write([]byte(wrong + "\n"))
	}
	s.await("paste the whole address")
	s.await("belongs to another set-up")
	_, _ = s.in.Write([]byte("\n" + back + "\n"))
	b.install(s.await(installAddress))
	s.tick <- struct{}{}
	s.end()
	if s.err != nil {
		t.Fatalf("%v\n%s", s.err, s.said())
	}
	files := contents(t, dir)
	noSecret(t, s.said(), files)
	code, err := url.Parse(back)
	if err != nil || strings.Contains(s.said(), code.Query().Get("code")) {
		t.Errorf("the code is shown: %v", err)
	}
	if _, left := files["create-app.html"]; left {
		t.Error("the page is left behind")
	}
	got := load(t, s.out.Settings)
	if got.Polls() || got.ExternalURL != "https://fleet.example.com" || got.Owners[0] != "acme" || !cmp.Equal(got.Repositories, []string{"acme/shop"}) {
		t.Errorf("settings: %+v", got)
	}
}

func TestAForeignAnswerDoesNotReachTheFlow(t *testing.T) {
	g, b := startGitHub(t), newBrowser(t)
	s := g.run(setup.App, setup.Options{Dir: t.TempDir(), Organization: "acme"}, nil)
	start, err := url.Parse(s.await(startAddress))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/created?code=0123456789abcdef&state=guess": 400, "/created?code=0123456789abcdef": 400, "/created": 400, "/": 404, "/guess": 404,
	} {
		if status, _, page := b.do("GET", "http://"+start.Host+path, nil); status != want || strings.Contains(page, "manifest") {
			t.Errorf("%s: %d, want %d: %s", path, status, want, page)
		}
	}
	if status, h, page := b.do("GET", start.String(), nil); status != 200 || h.Get("Content-Security-Policy") == "" || strings.Contains(page, "<script") {
		t.Errorf("%d %v %s", status, h, page)
	}
}

func TestACodeThatGitHubDoesNotKnowSaysWhatToDo(t *testing.T) {
	g, dir := startGitHub(t), t.TempDir()
	s := g.run(setup.App, setup.Options{Dir: dir}, nil)
	s.await(startAddress)
	_, _ = s.in.Write([]byte("0123456789abcdef0123\n"))
	s.end()
	if s.err == nil || !strings.Contains(s.err.Error(), "once, within an hour") || strings.Contains(s.err.Error(), "0123456789abcdef") {
		t.Errorf("error: %v", s.err)
	}
	if files := contents(t, dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestARepositoryThatTheAppMayNotSeeIsNamed(t *testing.T) {
	g, b := startGitHub(t), newBrowser(t)
	s := g.run(setup.App, setup.Options{Dir: t.TempDir(), Organization: "acme", Repositories: []string{"acme/secret"}}, nil)
	b.do("GET", b.createApp(s.await(startAddress)), nil)
	b.install(s.await(installAddress))
	s.tick <- struct{}{}
	s.end()
	if s.err == nil || !strings.Contains(s.err.Error(), "may not see acme/secret: add it to the installation") {
		t.Errorf("error: %v", s.err)
	}
}

func TestWhatCannotWorkIsSaidBeforeAnythingIsMade(t *testing.T) {
	g := startGitHub(t)
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "settings.yml"), []byte("lisen: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for says, o := range map[string]setup.Options{
		"GitHub cannot reach":           {ExternalURL: "http://localhost:8080"},
		"without a path":                {ExternalURL: "https://fleet.example.com/webhook"},
		"no address of this machine":    {Listen: "0.0.0.0:8000"},
		"did you mean listen":           {Dir: broken},
		"choose another with --dir":     {Dir: file},
		"another address with --listen": {Listen: strings.TrimPrefix(g.url, "http://")},
	} {
		if o.Dir == "" {
			o.Dir = t.TempDir()
		}
		s := g.run(setup.App, o, nil)
		s.end()
		if s.err == nil || !strings.Contains(s.err.Error(), says) {
			t.Errorf("want %q: %v", says, s.err)
		}
	}
}
