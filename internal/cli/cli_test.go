package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// terminal is a process of a test and what it printed.
type terminal struct {
	env      cli.Env
	out, err bytes.Buffer
	served   *settings.Settings
	findings []doctor.Finding
}

func newTerminal() *terminal {
	t := &terminal{}
	t.env = cli.Env{
		Out: &t.out, Err: &t.err, Clock: &webtest.Clock{},
		ReadFile: func(path string) ([]byte, error) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
		Serve: func(_ context.Context, s settings.Settings) error {
			t.served = &s
			return nil
		},
		Examine: func(context.Context, settings.Settings) []doctor.Finding { return t.findings },
	}
	return t
}

// ofWorld is a terminal on the machine of a world's server, which its data directory tells of.
func ofWorld(t *testing.T, w *webtest.World) *terminal {
	t.Helper()
	dir := t.TempDir()
	if err := (client.ServerFile{URL: w.HTTP.URL, Token: webtest.Token, PID: 1, Version: "v1.2.3"}).Write(dir); err != nil {
		t.Fatal(err)
	}
	out := newTerminal()
	out.env.Clock = w.Clock
	out.env.Environ = []string{"RUNS_FLEET_DATA=" + dir}
	return out
}

func (t *terminal) run(args ...string) int {
	t.out.Reset()
	t.err.Reset()
	return cli.Run(context.Background(), args, t.env)
}

var update = flag.Bool("update", false, "write golden files anew")

// golden compares what was printed with a file of testdata; {{SERVER}} stands for the server's address.
func golden(t *testing.T, name, server, got string) {
	t.Helper()
	if server != "" {
		got = strings.ReplaceAll(got, server, "{{SERVER}}")
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test ./internal/cli -update writes it anew): %s", path, diff)
	}
}

func TestExitCodes(t *testing.T) {
	w := webtest.New(t)
	here := ofWorld(t, w)
	elsewhere := newTerminal()
	elsewhere.env.Environ = []string{"RUNS_FLEET_DATA=" + t.TempDir()}
	stranger := newTerminal()
	stranger.env.Environ = []string{"RUNS_FLEET_SERVER=" + w.HTTP.URL, "RUNS_FLEET_TOKEN=guess"}
	ended := ofWorld(t, w)
	gone := t.TempDir()
	if err := (client.ServerFile{URL: "http://127.0.0.1:1", Token: "x", PID: 1}).Write(gone); err != nil {
		t.Fatal(err)
	}
	ended.env.Environ = []string{"RUNS_FLEET_DATA=" + gone}
	for _, tt := range []struct {
		name string
		at   *terminal
		args string
		code int
		says string
	}{
		{"success", here, "jobs", cli.ExitOK, ""},
		{"no arguments", here, "", cli.ExitOK, ""},
		{"unknown command", here, "job", cli.ExitUsage, `there is no command "job"; did you mean jobs?`},
		{"unknown flag", here, "jobs --colour", cli.ExitUsage, "--help shows what there is"},
		{"missing argument", here, "jobs why", cli.ExitUsage, "needs the id of a job"},
		{"superfluous argument", here, "version now", cli.ExitUsage, `does not take "now"`},
		{"no job", here, "jobs show build", cli.ExitUsage, "is no job: give its number"},
		{"no such output", here, "jobs --output yaml", cli.ExitUsage, "neither table nor json"},
		{"no such state", here, "jobs --state running", cli.ExitUsage, "none of waiting, queued"},
		{"a watch for programs", here, "jobs --watch -o json", cli.ExitUsage, "--watch is for people"},
		{"unknown job", here, "jobs why 9", cli.ExitNotFound, "job 9 of github.com: not found"},
		{"unknown machine", here, "runners show default/local/m9", cli.ExitNotFound, "not found"},
		{"no machine", here, "runners show m9", cli.ExitUsage, "environment/region/id"},
		{"no server", elsewhere, "jobs", cli.ExitNoServer, "start one with runs-fleet serve"},
		{"a server that has died", ended, "jobs", cli.ExitNoServer, "start one with runs-fleet serve"},
		{"a wrong token", stranger, "jobs", cli.ExitRefused, "log in"},
		{"an address without a token", newTerminal(), "jobs --server http://127.0.0.1:1", cli.ExitUsage, "RUNS_FLEET_TOKEN"},
		{"both", here, "jobs --server http://127.0.0.1:1 --data x", cli.ExitUsage, "give one of them"},
		{"settings of a server", newTerminal(), "serve", cli.ExitUsage, "RUNS_FLEET_GITHUB_TOKEN"},
		{"a label of somebody else", newTerminal(), "explain ubuntu-latest", cli.ExitUsage, "write runs-on: runs-fleet"},
		{"a wrong label", newTerminal(), "explain runs-fleet/cpx=2", cli.ExitUsage, "did you mean cpu=2?"},
		{"an impossible label", newTerminal(), "explain runs-fleet/arch=amd64/family=c7g", cli.ExitFailed, "arm64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := tt.at.run(strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(tt.at.err.String(), tt.says) {
				t.Errorf("exit code %d, want %d; it says %q, want %q", code, tt.code, tt.at.err.String(), tt.says)
			}
			if code != cli.ExitOK && !strings.HasPrefix(tt.at.err.String(), "runs-fleet: ") {
				t.Errorf("the error does not say who speaks: %q", tt.at.err.String())
			}
		})
	}
}

func TestServeGetsItsSettingsAndTheirErrorsStopIt(t *testing.T) {
	at := newTerminal()
	at.env.Environ = []string{"RUNS_FLEET_GITHUB_TOKEN=x"}
	if code := at.run("serve", "--repository", "acme/app", "--max-runners", "3"); code != cli.ExitOK {
		t.Fatal(at.err.String())
	}
	if at.served.MaxRunners != 3 || at.served.Owners[0] != "acme" {
		t.Errorf("%+v", at.served)
	}
	at.served = nil
	if code := at.run("serve", "--repository", "acme/app", "--poll-interval", "fast"); code != cli.ExitUsage || at.served != nil {
		t.Errorf("code %d: %s", code, at.err.String())
	}
	at.env.Serve = func(context.Context, settings.Settings) error { return errors.New("the port is taken") }
	if code := at.run("serve", "--repository", "acme/app"); code != cli.ExitFailed || at.err.String() != "runs-fleet: the port is taken\n" {
		t.Errorf("code %d: %s", code, at.err.String())
	}
}

func TestThePageOfCommandsIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/command-line.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cli.Markdown(), string(page)); diff != "" {
		t.Errorf("docs/command-line.md is out of date: run go generate ./internal/cli\n%s", diff)
	}
}
