package settings_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// files is a file system of a test.
type files map[string]string

func (f files) read(path string) ([]byte, error) {
	if s, ok := f[path]; ok {
		return []byte(s), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func load(t *testing.T, from settings.Sources, f files) settings.Settings {
	t.Helper()
	from.ReadFile = f.read
	s, err := settings.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWithoutAnySourceEverythingHasItsDefault(t *testing.T) {
	got := load(t, settings.Sources{HomeDir: "/home/ada"}, nil)
	want := settings.Settings{
		Data: "/home/ada/.local/state/runs-fleet", Store: "sqlite://store.db", Queue: "sqlite://queue.db", Blob: "file://blobs", Listen: "127.0.0.1:8080", HostListen: "127.0.0.1:8090",
		GitHubURL: "https://api.github.com", PollInterval: 10 * time.Second, OnLabelError: settings.LabelReport, Provider: settings.ProviderLocal,
		Isolation: settings.IsolationAuto, KeepLogs: 7 * 24 * time.Hour, ShutdownGrace: 10 * time.Second,
		LogFormat: settings.LogText, LogLevel: "info",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFlagRanksAboveTheEnvironmentAndThatAboveTheFile(t *testing.T) {
	f := files{"s.yml": "max_runners: 1\nlog_level: debug\nlisten: 127.0.0.1:1\n"}
	got := load(t, settings.Sources{
		File: "s.yml", Environ: []string{"RUNS_FLEET_MAX_RUNNERS=2", "RUNS_FLEET_LOG_LEVEL=warn"},
		Flags: map[string][]string{"max-runners": {"3"}},
	}, f)
	if got.MaxRunners != 3 || got.LogLevel != "warn" || got.Listen != "127.0.0.1:1" {
		t.Errorf("max_runners %d (want 3, the flag), log_level %s (want warn, the environment), listen %s (want the file's)",
			got.MaxRunners, got.LogLevel, got.Listen)
	}
}

func TestAListIsASequenceOrCommasOrARepeatedFlag(t *testing.T) {
	want := []string{"a/b", "c/d"}
	for name, from := range map[string]settings.Sources{
		"file":        {File: "s.yml"},
		"environment": {Environ: []string{"RUNS_FLEET_REPOSITORY=a/b, c/d,a/b"}},
		"flag":        {Flags: map[string][]string{"repository": {"a/b", "c/d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := load(t, from, files{"s.yml": "repository:\n  - a/b\n  - c/d\n"})
			if diff := cmp.Diff(want, got.Repositories); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheSettingsFileMayBeNamedByTheEnvironment(t *testing.T) {
	got := load(t, settings.Sources{Environ: []string{"RUNS_FLEET_CONFIG=/etc/s.yml"}}, files{"/etc/s.yml": "data: /srv/fleet\n"})
	if got.Data != "/srv/fleet" {
		t.Errorf("data is %s", got.Data)
	}
}

func TestAnEmptyVariableAndAnEmptyKeyAreNotSet(t *testing.T) {
	got := load(t, settings.Sources{File: "s.yml", Environ: []string{"RUNS_FLEET_LISTEN="}}, files{"s.yml": "# nothing yet\nlog_format:\n"})
	if got.Listen != "127.0.0.1:8080" || got.LogFormat != settings.LogText {
		t.Errorf("listen %q, log_format %q", got.Listen, got.LogFormat)
	}
}

func TestSecretsComeFromTheEnvironmentOrAFileOfTheirOwn(t *testing.T) {
	got := load(t, settings.Sources{
		Environ: []string{"RUNS_FLEET_GITHUB_TOKEN=ghp_1", "RUNS_FLEET_WEBHOOK_SECRET_FILE=/run/hook"},
	}, files{"/run/hook": "s3cret\n"})
	if got.GitHubToken.Reveal() != "ghp_1" || got.WebhookSecret.Reveal() != "s3cret" {
		t.Errorf("token %q, secret %q", got.GitHubToken.Reveal(), got.WebhookSecret.Reveal())
	}
}

func TestWhatIsWrongInASourceNamesThePlaceAndTheRemedy(t *testing.T) { // failure mode K6
	for _, tt := range []struct {
		name, file string
		environ    []string
		flags      map[string][]string
		want       string
	}{
		{name: "unknown key", file: "listen: a:1\nmax_runner: 3\n", want: `s.yml:2:1: there is no setting "max_runner"; did you mean max_runners?`},
		{name: "twice", file: "listen: a:1\ndata: x\nlisten: b:1\n", want: `s.yml:3:1: mapping key "listen" already defined at [1:1]`},
		{name: "secret in the file", file: "github_token: ghp_1\n", want: "s.yml:1:1: github_token is a secret and has no place in this file: set RUNS_FLEET_GITHUB_TOKEN"},
		{name: "no mapping", file: "- a\n", want: "s.yml:1:1: the file must be a mapping"},
		{name: "nested", file: "listen:\n  host: a\n", want: "listen takes plain values only"},
		{name: "list for one value", file: "listen: [a, b]\n", want: "s.yml:1:9: listen takes one value, not a list"},
		{name: "syntax", file: "listen: [a\n", want: "s.yml:1:9:"},
		{name: "two documents", file: "listen: a:1\n---\ndata: x\n", want: "second document"},
		{name: "no such choice", file: "isolation: full\n", want: `s.yml:1:1: "full" is none of auto, none`},
		{name: "no duration", environ: []string{"RUNS_FLEET_POLL_INTERVAL=10"}, want: `RUNS_FLEET_POLL_INTERVAL: "10" is no duration: write a number with a unit`},
		{name: "too short", environ: []string{"RUNS_FLEET_KEEP_LOGS=1s"}, want: "RUNS_FLEET_KEEP_LOGS: 1s is too short: the least is 1m0s"},
		{name: "no number", flags: map[string][]string{"max-runners": {"many"}}, want: `--max-runners: "many" is no whole number`},
		{name: "unknown variable", environ: []string{"RUNS_FLEET_GITHUB_TOKN=x"}, want: "RUNS_FLEET_GITHUB_TOKN: there is no such setting; did you mean RUNS_FLEET_GITHUB_TOKEN?"},
		{name: "secret twice", environ: []string{"RUNS_FLEET_GITHUB_TOKEN=x", "RUNS_FLEET_GITHUB_TOKEN_FILE=/t"}, want: "both github_token and github_token_file are set: remove one"},
		{name: "no secret file", environ: []string{"RUNS_FLEET_GITHUB_TOKEN_FILE=/none"}, want: "reading github_token_file: open /none"},
		{name: "empty secret file", environ: []string{"RUNS_FLEET_GITHUB_TOKEN_FILE=/empty"}, want: "/empty: the file of github_token_file is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from := settings.Sources{Environ: tt.environ, Flags: tt.flags, ReadFile: files{"s.yml": tt.file, "/empty": "\n", "/t": "y"}.read}
			if tt.file != "" {
				from.File = "s.yml"
			}
			_, err := settings.Load(from)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestEverythingThatIsWrongIsReportedAtOnce(t *testing.T) { // failure mode L18
	_, err := settings.Load(settings.Sources{File: "s.yml", ReadFile: files{"s.yml": "a: 1\nb: 2\n"}.read, Environ: []string{"RUNS_FLEET_X=1"}})
	for _, want := range []string{"s.yml:1:1", "s.yml:2:1", "RUNS_FLEET_X"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
	if _, ok := errors.AsType[*settings.Error](err); !ok {
		t.Errorf("%T holds no *settings.Error", err)
	}
}

func TestTheDataDirectoryOfSomeoneWhoNamesNone(t *testing.T) {
	for _, tt := range []struct {
		root            bool
		home, stateHome string
		want            string
	}{
		{true, "/root", "/x", "/var/lib/runs-fleet"},
		{false, "/home/ada", "/x", "/x/runs-fleet"},
		{false, "/home/ada", "", "/home/ada/.local/state/runs-fleet"},
		{false, "", "", "runs-fleet-data"},
	} {
		if got := settings.DefaultData(tt.root, tt.home, tt.stateHome); got != tt.want {
			t.Errorf("root %v, home %q, state %q: %s, want %s", tt.root, tt.home, tt.stateHome, got, tt.want)
		}
	}
}

func TestSecretsInServicesAreLeftThere(t *testing.T) {
	file := map[string]string{
		"s.yml": "github_app_id: '1'\ngithub_app_key_file: secretsmanager:fleet/key\nwebhook_secret_file: ssm:/fleet/hook?region=eu-west-1\nowner: o\n",
	}
	s, err := settings.Load(settings.Sources{File: "s.yml", ReadFile: func(path string) ([]byte, error) {
		content, ok := file[path]
		if !ok {
			t.Errorf("read %s", path)
		}
		return []byte(content), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Check(); err != nil || s.Polls() || len(s.SecretFiles()) != 0 {
		t.Errorf("Check = %v; it polls: %t; files %v", err, s.Polls(), s.SecretFiles())
	}
	hook, ok := s.WebhookCredential()
	if !ok || hook.Key != "webhook_secret_file" || hook.Value != "" || hook.Place.Name != "/fleet/hook" || hook.Place.Region != "eu-west-1" {
		t.Errorf("the webhook's secret is %+v, %t", hook, ok)
	}
	if key, ok := s.AppKeyCredential(); !ok || key.Place.String() != "secretsmanager:fleet/key" {
		t.Errorf("the App's key is %+v, %t", key, ok)
	}
	if token, ok := s.TokenCredential(); ok || s.HasToken() {
		t.Errorf("a token without one: %+v", token)
	}
}

func TestReferencesThatNameNothingAreRefused(t *testing.T) {
	for key, value := range map[string]string{
		"github_app_key_file": "ssm:", "webhook_secret_file": "secretsmanager:a?version=1", "github_token_file": "ssm:a b",
	} {
		_, err := settings.Load(settings.Sources{File: "s.yml", ReadFile: func(string) ([]byte, error) {
			return []byte(key + ": '" + value + "'\n"), nil
		}})
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %s: error = %v, want one that names the setting", key, value, err)
		}
	}
}

func TestSecretsAreWhereTheSettingsSay(t *testing.T) {
	s := settings.Settings{GitHubToken: "t", WebhookSecret: "w", GitHubAppKeyFile: "key.pem", APITokensFile: "tokens", HostTokenFile: "host"}
	if token, ok := s.TokenCredential(); !ok || token.Key != "github_token" || token.Value != "t" {
		t.Errorf("the token is %+v, %t", token, ok)
	}
	if got := strings.Join(s.SecretFiles(), " "); got != "key.pem tokens host" {
		t.Errorf("files = %s", got)
	}
	s.WebhookSecretFile = "hook" // whose content Load has put into WebhookSecret
	if hook, ok := s.WebhookCredential(); !ok || hook.Value != "" || hook.Place.Name != "hook" {
		t.Errorf("the webhook's secret is %+v, %t", hook, ok)
	}
}
