package cli_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

const personToken = "ghp_person00000000000000000000000000"

// atGitHub is a terminal with a simulated GitHub in reach, and the folder that its set-up writes to.
func atGitHub(t *testing.T) (at *terminal, address, dir string) {
	t.Helper()
	sim, err := githubsim.New(githubsim.Options{
		Logger: slog.New(slog.DiscardHandler), PersonalTokens: []githubsim.PersonalToken{{Token: personToken, Login: "octocat"}},
		Repositories: []githubsim.RepositorySpec{{Owner: "acme", Name: "app", Private: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	sim.SetBaseURL(server.URL)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		sim.Close()
	})
	at = newTerminal()
	at.env.Clock, at.env.Random, at.env.ReadFile = seam.System{}, seam.Crypto{}, os.ReadFile
	at.env.HomeDir = t.TempDir()
	return at, server.URL + "/api/v3", filepath.Join(at.env.HomeDir, ".config", "runs-fleet")
}

func TestSetupSaysWhichWaysThereAre(t *testing.T) {
	for args, says := range map[string]string{
		"":                                    "say --app to create a GitHub App",
		"--app --token":                       "say --app to create a GitHub App",
		"--token --url https://x.example":     "are about an App",
		"--token-file x --organization acme":  "are about an App",
		"--token --repository acme/app extra": `does not take "extra"`,
		"--app --url https://x.example/path":  "without a path",
		"--token":                             "add --repository owner/name",
	} {
		at := newTerminal()
		at.env.HomeDir = t.TempDir()
		if code := at.run(append([]string{"github", "setup"}, strings.Fields(args)...)...); code != cli.ExitUsage || !strings.Contains(at.err.String(), says) {
			t.Errorf("%q: code %d, says %q, want %q", args, code, at.err.String(), says)
		}
	}
	at := newTerminal()
	if code := at.run("github", "sttup"); code != cli.ExitUsage || !strings.Contains(at.err.String(), "did you mean setup?") {
		t.Errorf("code %d: %s", code, at.err.String())
	}
}

func TestSetupEndsWithDoctorsChecks(t *testing.T) {
	at, address, dir := atGitHub(t)
	var examined settings.Settings
	at.env.Examine = func(_ context.Context, s settings.Settings) []doctor.Finding {
		examined = s
		return at.findings
	}
	command := []string{"github", "setup", "--token", "--repository", "acme/app", "--github-url", address}
	at.env.In = strings.NewReader(personToken + "\n")
	at.findings = doctor.One(doctor.OK, "fine", "")
	if code := at.run(command...); code != cli.ExitOK {
		t.Fatalf("code %d: %s", code, at.err.String())
	}
	for _, want := range []string{"Nothing keeps a server from running", "runs-fleet serve --config " + filepath.Join(dir, "settings.yml")} {
		if !strings.Contains(at.out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, at.out.String())
		}
	}
	if examined.GitHubToken.Reveal() != personToken || examined.Owners[0] != "acme" {
		t.Errorf("doctor got %+v", examined)
	}

	at.env.In = strings.NewReader(personToken)
	at.findings = doctor.One(doctor.Problem, "no agent", "install it")
	if code := at.run(append(command, "--output", "json")...); code != cli.ExitFailed {
		t.Errorf("code %d: %s", code, at.err.String())
	}
	var got struct {
		OK       bool   `json:"ok"`
		Settings string `json:"settings"`
		Findings []doctor.Finding
	}
	if err := json.Unmarshal(at.out.Bytes(), &got); err != nil || got.OK || got.Settings == "" || len(got.Findings) != 1 {
		t.Errorf("%v: %s", err, at.out.String())
	}
	if both := at.out.String() + at.err.String(); strings.Contains(both, personToken) {
		t.Errorf("the token is shown:\n%s", both)
	}
}

func TestSetupFollowsTheServersEnvironment(t *testing.T) {
	at, address, _ := atGitHub(t)
	file := filepath.Join(t.TempDir(), "mine", "settings.yml")
	at.env.In = strings.NewReader(personToken)
	at.env.Environ = []string{"RUNS_FLEET_GITHUB_URL=" + address, "RUNS_FLEET_CONFIG=" + file}
	if code := at.run("github", "setup", "--token", "--repository", "acme/app"); code != cli.ExitOK {
		t.Fatal(at.err.String())
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestSetupReportsSettingsThatContradictTheEnvironment(t *testing.T) {
	at, address, _ := atGitHub(t)
	at.env.In = strings.NewReader(personToken)
	at.env.Environ = []string{"RUNS_FLEET_GITHUB_TOKEN=other"}
	code := at.run("github", "setup", "--token", "--repository", "acme/app", "--github-url", address)
	if code != cli.ExitFailed || !strings.Contains(at.out.String(), "remove one of them") {
		t.Errorf("code %d: %s", code, at.out.String())
	}
}
