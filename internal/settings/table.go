package settings

import "time"

// The sections of the table, in the order of the generated page.
const (
	sectionGitHub  = "GitHub"
	sectionAccess  = "Who may use the fleet"
	sectionServer  = "The server"
	sectionRunners = "Runners"
	sectionStorage = "Storage"
	sectionSeveral = "Several servers"
)

// Table returns every setting, by section, in the order in which people should read them.
func Table() []Setting {
	return append(append(append(gitHubSettings(), accessSettings()...), serverSettings()...),
		append(append(append(runnerSettings(), storageSettings()...), severalSettings()...), ec2Settings()...)...)
}

func gitHubSettings() []Setting {
	return []Setting{
		list(Setting{
			Key: "repository", Section: sectionGitHub,
			Help: "A repository to serve, as owner/name. It is scanned for queued jobs, by default every ten seconds, so no webhook is needed.",
		}, func(s *Settings) *[]string { return &s.Repositories }),
		text(Setting{
			Key: "github_url", Section: sectionGitHub, Default: "https://api.github.com",
			Help: "The address of GitHub's REST API; https://HOST/api/v3 for a GitHub Enterprise Server.",
		}, func(s *Settings) *string { return &s.GitHubURL }),
		secret(Setting{
			Key: "github_token", Section: sectionGitHub,
			Help: "A personal access token: fine-grained with Administration (read and write), Actions (read and write) and Commit statuses (read and write) on the repositories, or classic with the scope repo.",
		}, func(s *Settings) *Secret { return &s.GitHubToken }),
		text(Setting{
			Key: "github_token_file", Section: sectionGitHub,
			Help: "Where the personal access token is, instead of the environment: a file, or a [reference](#secrets-by-reference). A token that is replaced there is noticed.",
		}, func(s *Settings) *string { return &s.GitHubTokenFile }),
		text(Setting{
			Key: "github_app_id", Section: sectionGitHub,
			Help: "The id or client id of a GitHub App, instead of a personal access token.",
		}, func(s *Settings) *string { return &s.GitHubAppID }),
		text(Setting{
			Key: "github_app_key_file", Section: sectionGitHub,
			Help: "Where the GitHub App's private key (PEM) is: a file, or a [reference](#secrets-by-reference). A key that is replaced there is noticed.",
		}, func(s *Settings) *string { return &s.GitHubAppKeyFile }),
		secret(Setting{
			Key: "webhook_secret", Section: sectionGitHub,
			Help: "The secret of GitHub's webhook. With it the server takes deliveries at /webhook and scans only once a minute, as a safety net; without it /webhook is closed and jobs are found by scanning.",
		}, func(s *Settings) *Secret { return &s.WebhookSecret }),
		text(Setting{
			Key: "webhook_secret_file", Section: sectionGitHub,
			Help: "Where the webhook's secret is, instead of the environment: a file, or a [reference](#secrets-by-reference). While one secret replaces another, a second line holds the former one.",
		}, func(s *Settings) *string { return &s.WebhookSecretFile }),
		duration(Setting{
			Key: "poll_interval", Section: sectionGitHub, Default: "10s",
			Help: "How often repositories are scanned for jobs while no webhook's secret is set.",
		}, 100*time.Millisecond, func(s *Settings) *time.Duration { return &s.PollInterval }),
	}
}

func accessSettings() []Setting {
	return []Setting{
		list(Setting{
			Key: "owner", Section: sectionAccess, DefaultText: "the owners of the repositories",
			Help: "An organisation or user whose repositories may use the fleet. Jobs of others are refused before anything is stored.",
		}, func(s *Settings) *[]string { return &s.Owners }),
		list(Setting{
			Key: "allow_public", Section: sectionAccess, DefaultText: "none",
			Help: "A public repository, as owner/name, whose jobs may run. Anyone on the internet can propose a change to a public repository, and its jobs run what the change says.",
		}, func(s *Settings) *[]string { return &s.AllowPublic }),
		choice(Setting{
			Key: "on_label_error", Section: sectionAccess, Default: LabelReport, Values: []string{LabelReport, LabelCancel},
			Help: "What happens to a job whose label is wrong: report says so on the commit, cancel also cancels the run, which would otherwise wait for 24 hours.",
		}, func(s *Settings) *string { return &s.OnLabelError }),
	}
}

func serverSettings() []Setting {
	return []Setting{
		text(Setting{
			Key: "listen", Section: sectionServer, Default: "127.0.0.1:8080",
			Help: "The address to serve HTTP on. Port 0 chooses a free one, at the next start the same if it is still free. An address that other machines reach needs api_tokens_file.",
		}, func(s *Settings) *string { return &s.Listen }),
		text(Setting{
			Key: "external_url", Section: sectionServer, DefaultText: "http:// and the listening address",
			Help: "The address under which browsers reach the server, when it is not the listening address, for example behind a reverse proxy with TLS.",
		}, func(s *Settings) *string { return &s.ExternalURL }),
		text(Setting{
			Key: "api_tokens_file", Section: sectionServer,
			Help: "A file of tokens for programs that use the API: a line each, NAME and TOKEN separated by a space; a token has at least 32 characters; # begins a comment. Nobody but the server's user may be able to read it.",
		}, func(s *Settings) *string { return &s.APITokensFile }),
		text(Setting{
			Key: "metrics_listen", Section: sectionServer, DefaultText: "none: /metrics is served at the listening address, to who has a token",
			Help: "A second address, such as 127.0.0.1:9464, that serves nothing but /metrics: without a token if only this machine reaches it, and then jobs can read them too. An address that other machines reach needs api_tokens_file, and a token of it. [Metrics](metrics.md) lists what there is.",
		}, func(s *Settings) *string { return &s.MetricsListen }),
		duration(Setting{
			Key: "shutdown_grace", Section: sectionServer, Default: "10s",
			Help: "How long requests in flight may take to end when the server stops. Runners go on working, and the next start takes them over.",
		}, 0, func(s *Settings) *time.Duration { return &s.ShutdownGrace }),
		choice(Setting{
			Key: "log_format", Section: sectionServer, Default: LogText, Values: []string{LogText, LogJSON},
			Help: "How log lines look.",
		}, func(s *Settings) *string { return &s.LogFormat }),
		choice(Setting{
			Key: "log_level", Section: sectionServer, Default: "info", Values: []string{"debug", "info", "warn", "error"},
			Help: "The least level that is logged, to standard error.",
		}, func(s *Settings) *string { return &s.LogLevel }),
	}
}

func runnerSettings() []Setting {
	return []Setting{
		text(Setting{
			Key: "fleet_config", Section: sectionRunners, DefaultText: "none",
			Help: "The file with the fleet's images, runners and pools, which [Pools](pools.md) explains; runs-fleet validate checks it. It is read again when it changes, and while it is wrong the last good one stays in force.",
		}, func(s *Settings) *string { return &s.FleetConfig }),
		number(Setting{
			Key: "max_runners", Section: sectionRunners, DefaultText: "the machine's number of CPUs",
			Help: "The most runners at a time; 0 is the default.",
		}, func(s *Settings) *int { return &s.MaxRunners }),
		choice(Setting{
			Key: "isolation", Section: sectionRunners, Default: IsolationAuto, Values: []string{IsolationAuto, IsolationNone},
			Help: "How jobs are kept apart from this machine and from each other: auto gives each its own process, mount and temporary-file namespaces and refuses to start where that is impossible; none gives them nothing, so a job can do all that the server's user can.",
		}, func(s *Settings) *string { return &s.Isolation }),
		text(Setting{
			Key: "agent", Section: sectionRunners, DefaultText: "runs-fleet-agent beside this program, else on the PATH",
			Help: "The program that runs on each machine.",
		}, func(s *Settings) *string { return &s.Agent }),
		text(Setting{
			Key: "runner_dir", Section: sectionRunners, DefaultText: "the official runner, fetched and checked",
			Help: "A folder with an installed GitHub Actions runner to use, instead of fetching one.",
		}, func(s *Settings) *string { return &s.RunnerDir }),
		text(Setting{
			Key: "runner_version", Section: sectionRunners, DefaultText: "the newest",
			Help: "Pins the version of the official runner, such as 2.330.0. GitHub refuses versions that are 30 days older than the newest.",
		}, func(s *Settings) *string { return &s.RunnerVersion }),
		text(Setting{
			Key: "runner_sha256", Section: sectionRunners, DefaultText: "the checksum that GitHub publishes",
			Help: "The SHA-256 of the pinned runner's package, in hexadecimal. It is needed unless the version is the newest, since GitHub publishes only that one's.",
		}, func(s *Settings) *string { return &s.RunnerSHA256 }),
		duration(Setting{
			Key: "keep_logs", Section: sectionRunners, Default: "168h",
			Help: "How long the logs of ended runners are kept.",
		}, time.Minute, func(s *Settings) *time.Duration { return &s.KeepLogs }),
		duration(Setting{
			Key: "boot_delay", Section: sectionRunners, Default: "0s", Hidden: true,
			Help: "An artificial time that each machine takes to start, for tests.",
		}, 0, func(s *Settings) *time.Duration { return &s.BootDelay }),
	}
}

func storageSettings() []Setting {
	return []Setting{
		text(Setting{
			Key: "data", Section: sectionStorage,
			DefaultText: "/var/lib/runs-fleet as root, else $XDG_STATE_HOME/runs-fleet or ~/.local/state/runs-fleet",
			Help:        "The directory for everything that the server keeps. One server at a time uses it.",
		}, func(s *Settings) *string { return &s.Data }),
		text(Setting{
			Key: "store", Section: sectionStorage, Default: "sqlite://store.db",
			Help: "The database: sqlite:// and a file, relative to the data directory, or dynamodb:// and a table, which several servers share. A region may follow, as in dynamodb://runs-fleet?region=eu-west-1; else it is that of the environment (AWS_REGION).",
		}, func(s *Settings) *string { return &s.Store }),
		text(Setting{
			Key: "queue", Section: sectionStorage, Default: "sqlite://queue.db",
			Help: "The message queue: sqlite:// and a file, relative to the data directory, or sqs:// and a queue's name, with a region as for store.",
		}, func(s *Settings) *string { return &s.Queue }),
		text(Setting{
			Key: "blob", Section: sectionStorage, Default: "file://blobs",
			Help: "Where the logs of ended machines are kept for 30 days: file:// and a folder, relative to the data directory, or s3://BUCKET/PREFIX, with a region as for store, which servers that share a store should share too. [Logs of machines](operations.md#logs-of-machines) says what is kept.",
		}, func(s *Settings) *string { return &s.Blob }),
	}
}
