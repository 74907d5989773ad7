// Package settings reads the server's settings: one table says for each setting its key, kind, default and meaning, and
// flags, environment variables, the keys of the settings file and docs/settings.md all come from that table.
//
// A flag ranks above an environment variable, which ranks above the settings file, which ranks above the default. Secrets
// come from the environment or from files of their own, never from arguments, which every process of a machine can read.
package settings

import "time"

// Settings are the server's settings, complete and free of contradictions once Load has returned them.
type Settings struct {
	// Where things are.
	Data  string
	Store string
	Queue string
	Blob  string

	// Several servers.
	ReplicaURL    string // where other servers of the fleet reach this one
	HostURL       string // of a host whose machines are used instead of this machine's own
	HostTokenFile string
	HostListen    string // of the host itself
	ControlPlane  string // where the agents of the host say hello

	// Who talks to the server.
	Listen        string
	ExternalURL   string
	APITokensFile string
	MetricsListen string // empty: metrics are served at Listen only

	// GitHub.
	GitHubURL         string
	GitHubToken       Secret
	GitHubTokenFile   string
	GitHubAppID       string
	GitHubAppKeyFile  string
	WebhookSecret     Secret
	WebhookSecretFile string
	PollInterval      time.Duration

	// Who may use the fleet.
	Repositories []string // "owner/name"
	Owners       []string
	AllowPublic  []string
	OnLabelError string // "report" or "cancel"

	FleetConfig string // path of the fleet configuration; empty: none

	// Machines.
	Provider      string // "local" or "ec2"
	EC2           EC2
	MaxRunners    int // 0: as many as the provider has room for
	Agent         string
	RunnerDir     string
	RunnerVersion string
	RunnerSHA256  string
	Isolation     string // "auto" or "none"
	KeepLogs      time.Duration
	BootDelay     time.Duration

	// The process itself.
	ShutdownGrace time.Duration
	LogFormat     string // "text" or "json"
	LogLevel      string // "debug", "info", "warn" or "error"
}

// Values that settings with a choice can have.
const (
	IsolationAuto = "auto"
	IsolationNone = "none"
	LabelReport   = "report"
	LabelCancel   = "cancel"
	LogText       = "text"
	LogJSON       = "json"
)

// SafetyScan is how often repositories are scanned when webhooks are configured, to make good those that were lost.
const SafetyScan = 60 * time.Second

// Polls says whether the server finds jobs by asking GitHub only.
func (s Settings) Polls() bool { return s.WebhookSecret == "" && s.WebhookSecretFile == "" }

// ScanInterval is how often repositories are scanned for jobs.
func (s Settings) ScanInterval() time.Duration {
	if s.Polls() {
		return s.PollInterval
	}
	return SafetyScan
}
