package setup_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/setup"
)

func typed(token string) func() (string, error) {
	return func() (string, error) { return token, nil }
}

func TestATokenIsTriedAndKeptForItsUser(t *testing.T) {
	g := startGitHub(t)
	file := filepath.Join(t.TempDir(), "token.txt")
	if err := os.WriteFile(file, []byte(goodToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, start := range map[string]func(setup.Options) *terminal{
		"typed": func(o setup.Options) *terminal { return g.run(setup.Token, o, typed(goodToken)) },
		"piped": func(o setup.Options) *terminal {
			s := g.run(setup.Token, o, nil)
			_, _ = s.in.Write([]byte(goodToken + "\n"))
			return s
		},
		"from a file": func(o setup.Options) *terminal {
			o.TokenFile = file
			return g.run(setup.Token, o, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := start(setup.Options{Dir: dir, Repositories: []string{"acme/shop"}})
			s.end()
			if s.err != nil {
				t.Fatalf("%v\n%s", s.err, s.said())
			}
			files := contents(t, dir)
			noSecret(t, s.said(), files)
			if got := load(t, s.out.Settings); got.GitHubToken.Reveal() != goodToken || got.Repositories[0] != "acme/shop" {
				t.Errorf("settings: %+v", got)
			}
			if strings.Contains(files["settings.yml"], goodToken) {
				t.Error("the settings hold the token itself")
			}
		})
	}
}

func TestATokenThatDoesNotSufficeLeavesNothing(t *testing.T) {
	g := startGitHub(t)
	for token, says := range map[string]string{
		"ghp_unknown": "make a new personal access token", "ghp_weak": "Administration and Actions: write",
	} {
		dir := t.TempDir()
		s := g.run(setup.Token, setup.Options{Dir: dir, Repositories: []string{"acme/shop"}}, typed(token))
		s.end()
		if !errors.Is(s.err, setup.ErrRefused) || !strings.Contains(s.said(), says) || strings.Contains(s.said(), token) {
			t.Errorf("%s: %v\n%s", token, s.err, s.said())
		}
		if files := contents(t, dir); len(files) != 0 {
			t.Errorf("left behind: %v", files)
		}
	}
}

func TestATokenNeedsARepositoryAndIsOneWord(t *testing.T) {
	g := startGitHub(t)
	for _, tt := range []struct {
		token, says string
		repository  []string
	}{
		{goodToken, "add --repository owner/name", nil},
		{"", "there is no token", []string{"acme/shop"}},
		{"two words", "a token is one word", []string{"acme/shop"}},
		{goodToken, `"shop" is no repository`, []string{"shop"}},
	} {
		s := g.run(setup.Token, setup.Options{Dir: t.TempDir(), Repositories: tt.repository}, typed(tt.token))
		s.end()
		if s.err == nil || !strings.Contains(s.err.Error(), tt.says) {
			t.Errorf("want %q: %v", tt.says, s.err)
		}
	}
}

func TestATokenTakesTheAppsPlaceAndLeavesEverythingElse(t *testing.T) {
	g, dir := startGitHub(t), t.TempDir()
	key := filepath.Join(dir, "github-app-7.pem")
	if err := os.WriteFile(key, []byte("key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := "# mine\ngithub_app_id: 7\ngithub_app_key_file: " + key + "\nmax_runners: 3 # enough\nrepository:\n- acme/site\n# last\n"
	if err := os.WriteFile(filepath.Join(dir, "settings.yml"), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	s := g.run(setup.Token, setup.Options{Dir: dir}, typed(goodToken))
	s.end()
	if s.err != nil {
		t.Fatal(s.err)
	}
	want := "# mine\nmax_runners: 3 # enough\nrepository:\n  - acme/site\n# last\ngithub_token_file: " + filepath.Join(dir, "github-token") +
		"\ngithub_url: " + g.url + "/api/v3\n"
	files := contents(t, dir)
	if diff := cmp.Diff(want, files["settings.yml"]); diff != "" {
		t.Error(diff)
	}
	if files["github-app-7.pem"] != "key\n" || !strings.Contains(s.out.Replaced, "GitHub App 7") {
		t.Errorf("files %v, replaced %q", files, s.out.Replaced)
	}
}
