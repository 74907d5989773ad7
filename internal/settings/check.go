package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

var (
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)
	ownerName      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)
	checksum       = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
	versionNumber  = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
)

// Check finds what keeps a server from running with these settings: contradictions, and what is missing. It fills in what
// follows from other settings, and reports everything at once.
func (s Settings) Check() (Settings, error) {
	var errs []error
	problem := func(format string, args ...any) { errs = append(errs, &Error{What: fmt.Sprintf(format, args...)}) }
	s.checkGitHub(problem)
	s.checkNames(problem)
	s.checkServer(problem)
	s.checkEC2(problem)
	if s.Isolation == IsolationNone && len(s.AllowPublic) > 0 {
		problem("isolation is none and allow_public names %s: without isolation anyone who proposes a change to a public repository "+
			"could take this machine over; remove one of the two", s.AllowPublic[0])
	}
	if s.RunnerVersion != "" && s.RunnerDir != "" {
		problem("runner_version and runner_dir are both set: an installed runner has the version that it has; remove one of them")
	}
	if s.RunnerVersion != "" && !versionNumber.MatchString(s.RunnerVersion) {
		problem("runner_version: %q is no version: write three numbers, such as 2.330.0", s.RunnerVersion)
	}
	if s.RunnerSHA256 != "" && s.RunnerVersion == "" {
		problem("runner_sha256 is set without runner_version: add the version that the checksum is of")
	}
	if s.RunnerSHA256 != "" && !checksum.MatchString(s.RunnerSHA256) {
		problem("runner_sha256: %q is no SHA-256: write 64 hexadecimal digits", s.RunnerSHA256)
	}
	if len(errs) > 0 {
		return Settings{}, errors.Join(errs...)
	}
	if len(s.Owners) == 0 {
		s.Owners = ownersOf(s.Repositories)
	}
	return s, nil
}

func (s Settings) checkGitHub(problem func(string, ...any)) {
	app, token := s.GitHubAppID != "" || s.GitHubAppKeyFile != "", s.HasToken()
	switch {
	case !token && !app:
		problem("there is no GitHub credential: run runs-fleet github setup and start with the settings that it writes, or put a personal " +
			"access token into the environment variable RUNS_FLEET_GITHUB_TOKEN (or its file into github_token_file), or set github_app_id " +
			"and github_app_key_file")
	case token && app:
		problem("both a personal access token and a GitHub App are set: remove one of them")
	case app && s.GitHubAppID == "":
		problem("github_app_key_file is set without github_app_id: add the App's id, which its settings page at GitHub shows")
	case app && s.GitHubAppKeyFile == "":
		problem("github_app_id is set without github_app_key_file: add the path of the App's private key, a .pem file")
	}
	if s.Polls() && len(s.Repositories) == 0 {
		problem("there is nothing to serve: name a repository with --repository owner/name, or set a webhook secret " +
			"(RUNS_FLEET_WEBHOOK_SECRET) so that GitHub can tell which jobs are queued")
	}
	if len(s.Repositories) == 0 && len(s.Owners) == 0 {
		problem("nobody may use the fleet: name at least one repository or owner")
	}
	u, err := url.Parse(s.GitHubURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		problem("github_url: %q is no address of an API: write https://api.github.com or https://HOST/api/v3", s.GitHubURL)
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		problem("github_url: %s would send the credential unencrypted: write https://", s.GitHubURL)
	}
}

func (s Settings) checkNames(problem func(string, ...any)) {
	for _, r := range s.Repositories {
		if !repositoryName.MatchString(r) {
			problem("repository: %q is no repository: write owner/name, without a host", r)
		}
	}
	for _, r := range s.AllowPublic {
		if !repositoryName.MatchString(r) {
			problem("allow_public: %q is no repository: write owner/name, without a host", r)
		}
	}
	for _, o := range s.Owners {
		if !ownerName.MatchString(o) {
			problem("owner: %q is no name of an organisation or user", o)
		}
	}
	if len(s.Owners) == 0 {
		return
	}
	for _, r := range s.Repositories {
		owner, _, _ := strings.Cut(r, "/")
		if !containsFold(s.Owners, owner) {
			problem("repository %s belongs to none of the owners %s: add --owner %s, or leave owner out", r, strings.Join(s.Owners, ", "), owner)
		}
	}
}

func (s Settings) checkServer(problem func(string, ...any)) {
	host, _, err := net.SplitHostPort(s.Listen)
	switch {
	case err != nil:
		problem("listen: %q is no address: write HOST:PORT, such as 127.0.0.1:8080", s.Listen)
	case !Loopback(host) && s.APITokensFile == "":
		problem("listen: other machines reach %s, and so far only this machine's user can log in: set api_tokens_file, or listen on "+
			"127.0.0.1 behind a proxy", s.Listen)
	}
	s.checkMetrics(problem)
	if s.ExternalURL != "" && !plainURL(s.ExternalURL) {
		problem("external_url: %q is no address: write https://HOST, without a path", s.ExternalURL)
	}
	s.checkBackends(problem)
}

func (s Settings) checkBackends(problem func(string, ...any)) {
	store, err := s.StoreBackend()
	if err != nil {
		problem("store: %v", err)
	}
	if _, err := s.QueueBackend(); err != nil {
		problem("queue: %v", err)
	}
	if _, err := s.BlobBackend(); err != nil {
		problem("blob: %v", err)
	}
	if s.Store == s.Queue {
		problem("store and queue are both %s: each needs a file of its own", s.Store)
	}
	if store.Scheme != "" && store.Shared() && s.HostURL == "" && !s.OnEC2() {
		problem("store is %s, which several servers may share, and each would count the runners of its own machine only: set host_url to the "+
			"address of a runs-fleet host, or keep the store in sqlite://", s.Store)
	}
	if s.ReplicaURL != "" && !plainURL(s.ReplicaURL) {
		problem("replica_url: %q is no address: write http://HOST:PORT, without a path", s.ReplicaURL)
	}
	if s.HostURL == "" {
		return
	}
	if !plainURL(s.HostURL) {
		problem("host_url: %q is no address: write https://HOST:PORT, without a path", s.HostURL)
	} else if u, err := url.Parse(s.HostURL); err == nil && u.Scheme == "http" && !Loopback(u.Hostname()) {
		problem("host_url: %s would send the host's token unencrypted: write https://, with a proxy before the host", s.HostURL)
	}
	if s.HostTokenFile == "" {
		problem("host_url is set without host_token_file: add the file with the token that the host has too")
	}
}

// CheckHost finds what keeps a host from running with these settings.
func (s Settings) CheckHost() (Settings, error) {
	var errs []error
	problem := func(format string, args ...any) { errs = append(errs, &Error{What: fmt.Sprintf(format, args...)}) }
	switch {
	case s.ControlPlane == "":
		problem("control_plane is not set: add the address of the servers, at which the agents of this host's machines say hello")
	case !plainURL(s.ControlPlane):
		problem("control_plane: %q is no address: write https://HOST:PORT, without a path", s.ControlPlane)
	}
	if _, _, err := net.SplitHostPort(s.HostListen); err != nil {
		problem("host_listen: %q is no address: write HOST:PORT, such as 127.0.0.1:8090", s.HostListen)
	}
	if s.HostTokenFile == "" {
		problem("host_token_file is not set: write a token of at least 32 characters into a file that only this user can read, for " +
			"example with: (umask 077; head -c 24 /dev/urandom | base64 > host-token)")
	}
	if s.RunnerDir == "" {
		problem("runner_dir is not set: a host holds no GitHub credential with which it could ask for the runner, so unpack one and name its folder")
	}
	if len(errs) > 0 {
		return Settings{}, errors.Join(errs...)
	}
	return s, nil
}

// plainURL says whether a text is http(s)://HOST, without a path.
func plainURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
}

func (s Settings) checkMetrics(problem func(string, ...any)) {
	if s.MetricsListen == "" {
		return
	}
	host, port, err := net.SplitHostPort(s.MetricsListen)
	switch {
	case err != nil:
		problem("metrics_listen: %q is no address: write HOST:PORT, such as 127.0.0.1:9464", s.MetricsListen)
	case s.MetricsListen == s.Listen && port != "0":
		problem("metrics_listen and listen are both %s: choose another port, or leave metrics_listen out, since /metrics is served there too", s.Listen)
	case !Loopback(host) && s.APITokensFile == "":
		problem("metrics_listen: other machines reach %s, and without api_tokens_file there is no token that could keep them from reading: "+
			"set it, or choose an address of this machine only, such as 127.0.0.1:9464", s.MetricsListen)
	}
}

// Loopback says whether a host name is this machine's own and nobody else can reach it.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func ownersOf(repositories []string) []string {
	var owners []string
	for _, r := range repositories {
		owner, _, _ := strings.Cut(r, "/")
		if !containsFold(owners, owner) {
			owners = append(owners, owner)
		}
	}
	return owners
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// AllowsOwner says whether jobs of an owner's repositories may use the fleet. GitHub's names know no case.
func (s Settings) AllowsOwner(owner string) bool { return containsFold(s.Owners, owner) }

// AllowsPublic says whether jobs of a public repository may use the fleet; without isolation none may.
func (s Settings) AllowsPublic(repository string) bool {
	return s.Isolation != IsolationNone && containsFold(s.AllowPublic, repository)
}
