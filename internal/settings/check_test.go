package settings_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// sound are settings without contradiction, changed by f.
func sound(t *testing.T, f func(*settings.Settings)) settings.Settings {
	t.Helper()
	s := load(t, settings.Sources{Flags: map[string][]string{"repository": {"acme/app"}}, Environ: []string{"RUNS_FLEET_GITHUB_TOKEN=x"}}, nil)
	if f != nil {
		f(&s)
	}
	return s
}

func TestWhatAHostNeeds(t *testing.T) {
	whole := func(s *settings.Settings) {
		s.ControlPlane, s.HostTokenFile, s.RunnerDir = "https://fleet.example", "host-token", "/opt/actions-runner"
	}
	for _, tt := range []struct {
		name   string
		change func(*settings.Settings)
		want   string // empty: nothing is wrong
	}{
		{"no GitHub credential is needed", func(s *settings.Settings) { s.GitHubToken = "" }, ""},
		{"no control plane", func(s *settings.Settings) { s.ControlPlane = "" }, "at which the agents"},
		{"a control plane that is no address", func(s *settings.Settings) { s.ControlPlane = "fleet.example" }, "without a path"},
		{"no token", func(s *settings.Settings) { s.HostTokenFile = "" }, "at least 32 characters"},
		{"no runner", func(s *settings.Settings) { s.RunnerDir = "" }, "unpack one"},
		{"no address", func(s *settings.Settings) { s.HostListen = "8090" }, "HOST:PORT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sound(t, whole)
			tt.change(&s)
			_, err := s.CheckHost()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestContradictionsAndWhatIsMissingSayWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*settings.Settings)
		want   string // empty: nothing is wrong
	}{
		{"a repository and a token are enough", nil, ""},
		{"no credential", func(s *settings.Settings) { s.GitHubToken = "" }, "RUNS_FLEET_GITHUB_TOKEN"},
		{"token and App", func(s *settings.Settings) { s.GitHubAppID, s.GitHubAppKeyFile = "1", "k" }, "remove one of them"},
		{"App without key", func(s *settings.Settings) { s.GitHubToken, s.GitHubAppID = "", "1" }, "without github_app_key_file"},
		{"key without App", func(s *settings.Settings) { s.GitHubToken, s.GitHubAppKeyFile = "", "k" }, "without github_app_id"},
		{"nothing to serve", func(s *settings.Settings) { s.Repositories, s.Owners = nil, []string{"acme"} }, "name a repository with --repository"},
		{"a webhook needs no repository", func(s *settings.Settings) {
			s.Repositories, s.Owners, s.WebhookSecret = nil, []string{"acme"}, "s"
		}, ""},
		{"nobody may use it", func(s *settings.Settings) { s.Repositories, s.WebhookSecret = nil, "s" }, "name at least one repository or owner"},
		{"no repository's name", func(s *settings.Settings) { s.Repositories = []string{"https://github.com/acme/app"} }, "write owner/name"},
		{"no owner's name", func(s *settings.Settings) { s.Owners = []string{"acme/app", "acme"} }, "no name of an organisation or user"},
		{"repository of another owner", func(s *settings.Settings) { s.Owners = []string{"other"} }, "add --owner acme"},
		{"owner in another case", func(s *settings.Settings) { s.Owners = []string{"ACME"} }, ""},
		{"credential in the clear", func(s *settings.Settings) { s.GitHubURL = "http://ghes.example/api/v3" }, "write https://"},
		{"a simulator on this machine", func(s *settings.Settings) { s.GitHubURL = "http://127.0.0.1:9000" }, ""},
		{"no API", func(s *settings.Settings) { s.GitHubURL = "github.com" }, "is no address of an API"},
		{"other machines can reach it", func(s *settings.Settings) { s.Listen = "0.0.0.0:80" }, "set api_tokens_file"},
		{"all addresses", func(s *settings.Settings) { s.Listen = ":80" }, "set api_tokens_file"},
		{"other machines, with tokens", func(s *settings.Settings) { s.Listen, s.APITokensFile = "0.0.0.0:80", "t" }, ""},
		{"metrics for this machine", func(s *settings.Settings) { s.MetricsListen = "127.0.0.1:9464" }, ""},
		{"metrics for other machines", func(s *settings.Settings) { s.MetricsListen = "0.0.0.0:9464" }, "set it, or choose an address of this machine only"},
		{"metrics for other machines, with tokens", func(s *settings.Settings) { s.MetricsListen, s.APITokensFile = ":9464", "t" }, ""},
		{"metrics at the server's own address", func(s *settings.Settings) { s.MetricsListen = s.Listen }, "choose another port"},
		{"metrics at no address", func(s *settings.Settings) { s.MetricsListen = "9464" }, "metrics_listen: \"9464\" is no address"},
		{"loopback of version 6", func(s *settings.Settings) { s.Listen = "[::1]:80" }, ""},
		{"no address", func(s *settings.Settings) { s.Listen = "8080" }, "write HOST:PORT"},
		{"external address with a path", func(s *settings.Settings) { s.ExternalURL = "https://a.example/fleet" }, "without a path"},
		{"no isolation for strangers", func(s *settings.Settings) {
			s.Isolation, s.AllowPublic = settings.IsolationNone, []string{"acme/app"}
		}, "could take this machine over"},
		{"pinned and installed", func(s *settings.Settings) { s.RunnerVersion, s.RunnerDir = "2.330.0", "/r" }, "remove one of them"},
		{"no version", func(s *settings.Settings) { s.RunnerVersion = "v2" }, "write three numbers"},
		{"checksum without version", func(s *settings.Settings) { s.RunnerSHA256 = strings.Repeat("a", 64) }, "without runner_version"},
		{"no checksum", func(s *settings.Settings) { s.RunnerVersion, s.RunnerSHA256 = "2.330.0", "abc" }, "64 hexadecimal digits"},
		{"a backend of a later version", func(s *settings.Settings) { s.Store = "postgres://t" }, "write sqlite://FILE or dynamodb://TABLE"},
		{"a queue is no store", func(s *settings.Settings) { s.Store = "sqs://jobs" }, "write sqlite://FILE or dynamodb://TABLE"},
		{"a table's name", func(s *settings.Settings) {
			s.Store, s.HostURL, s.HostTokenFile = "dynamodb://t", "http://127.0.0.1:1", "f"
		}, "3 to 255"},
		{"a queue's name", func(s *settings.Settings) { s.Queue = "sqs://a.fifo" }, "up to 70 letters"},
		{"a region", func(s *settings.Settings) { s.Queue = "sqs://jobs?region=Ireland" }, "such as eu-west-1"},
		{"no folder", func(s *settings.Settings) { s.Blob = "file://" }, "write file://FOLDER or s3://BUCKET/PREFIX"},
		{"no bucket", func(s *settings.Settings) { s.Blob = "s3://Logs" }, "3 to 63 small letters"},
		{"no prefix", func(s *settings.Settings) { s.Blob = "s3://logs/a//b" }, "single slashes"},
		{"an option that there is not", func(s *settings.Settings) { s.Queue = "sqs://jobs?endpoint=x" }, "only region=REGION"},
		{"services of Amazon's", func(s *settings.Settings) {
			s.Store, s.Queue = "dynamodb://runs-fleet?region=eu-west-1", "sqs://runs-fleet?region=eu-west-1"
			s.Blob = "s3://runs-fleet-logs/fleet?region=eu-west-1"
			s.HostURL, s.HostTokenFile = "https://host.example:8090", "f"
		}, ""},
		{"a store that others share, and runners of this machine", func(s *settings.Settings) { s.Store = "dynamodb://runs-fleet" }, "set host_url"},
		{"a host without a token", func(s *settings.Settings) { s.HostURL = "http://127.0.0.1:8090" }, "host_token_file"},
		{"a host elsewhere without encryption", func(s *settings.Settings) {
			s.HostURL, s.HostTokenFile = "http://10.0.0.1:8090", "f"
		}, "unencrypted"},
		{"a host that is no address", func(s *settings.Settings) { s.HostURL, s.HostTokenFile = "host:8090", "f" }, "host_url"},
		{"a replica that is no address", func(s *settings.Settings) { s.ReplicaURL = "replica-1" }, "replica_url"},
		{"one file for two", func(s *settings.Settings) { s.Store = s.Queue }, "each needs a file of its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sound(t, tt.change).Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestTheOwnersOfTheRepositoriesMayUseTheFleetByDefault(t *testing.T) {
	s, err := sound(t, func(s *settings.Settings) { s.Repositories = []string{"acme/app", "Acme/lib", "ada/x"} }).Check()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme", "ada"}, s.Owners); diff != "" {
		t.Error(diff)
	}
	if !s.AllowsOwner("ACME") || s.AllowsOwner("mallory") {
		t.Error("the allow-list is not that of the owners, without regard to case")
	}
}

func TestAPublicRepositoryMustBeNamedAndIsNeverServedWithoutIsolation(t *testing.T) {
	s := sound(t, func(s *settings.Settings) { s.AllowPublic = []string{"acme/app"} })
	if !s.AllowsPublic("Acme/App") || s.AllowsPublic("acme/lib") {
		t.Error("exactly the named repository is allowed")
	}
	s.Isolation = settings.IsolationNone
	if s.AllowsPublic("acme/app") {
		t.Error("allowed without isolation")
	}
}

func TestRepositoriesAreScannedOftenUnlessWebhooksTell(t *testing.T) {
	s := sound(t, nil)
	if got := s.ScanInterval(); got != s.PollInterval {
		t.Errorf("%s without a webhook", got)
	}
	s.WebhookSecret = "s"
	if got := s.ScanInterval(); got != settings.SafetyScan {
		t.Errorf("%s with a webhook", got)
	}
}

func TestASecretShowsItselfNowhere(t *testing.T) {
	const value = "ghp_do_not_show"
	s := sound(t, func(s *settings.Settings) { s.GitHubToken = value })
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "token", s.GitHubToken, "all", s)
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", s), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s), "log": log.String(), "JSON": string(encoded),
	} {
		if strings.Contains(text, value) {
			t.Errorf("%s shows it: %s", name, text)
		}
	}
	if s.GitHubToken.Reveal() != value {
		t.Error("Reveal does not return it")
	}
}

func TestBackendsLiveInTheDataDirectoryUnlessTheySayOtherwise(t *testing.T) { // failure mode G6
	s := settings.Settings{Data: "/d"}
	if got := s.Path("sqlite://store.db"); got != "/d/store.db" {
		t.Error(got)
	}
	if got := s.Path("sqlite:///fast/store.db"); got != "/fast/store.db" {
		t.Error(got)
	}
	if got := s.Path("file://blobs"); got != "/d/blobs" {
		t.Error(got)
	}
	if got := s.Path("file:///large/blobs"); got != "/large/blobs" {
		t.Error(got)
	}
}

func TestABlobStoreIsAFolderOrABucketWithAPrefix(t *testing.T) {
	for address, want := range map[string]settings.Backend{
		"file://blobs":     {Scheme: settings.SchemeFile, Name: "blobs"},
		"s3://fleet-logs":  {Scheme: settings.SchemeS3, Name: "fleet-logs"},
		"s3://fleet-logs/": {Scheme: settings.SchemeS3, Name: "fleet-logs"},
		"s3://shared.logs/ci/fleet_1?region=eu-west-1": {Scheme: settings.SchemeS3, Name: "shared.logs", Prefix: "ci/fleet_1", Region: "eu-west-1"},
	} {
		got, err := settings.Settings{Blob: address}.BlobBackend()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", address, err, diff)
		}
		if got.Shared() != (want.Scheme == settings.SchemeS3) {
			t.Errorf("%s is shared: %t", address, got.Shared())
		}
	}
}
