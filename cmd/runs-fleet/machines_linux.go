package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/provider/host"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// machines are where runners run, with what the server tells of them.
type machines struct {
	host.Machines

	about     host.About
	site      fleet.Site
	platforms []label.Platform
	markets   []fleet.Market                  // none: what labels ask for
	listing   time.Duration                   // how often they are compared with the rows
	refresh   func(context.Context)           // keeps current what is known of where they come from; nil if nothing is to be
	programs  func(http.Handler) http.Handler // serves what they fetch at their first boot; nil if they fetch nothing
}

// ofOneHost are machines of this computer or of another one.
func ofOneHost(m host.Machines, about host.About) machines {
	return machines{
		Machines: m, about: about, site: fleet.Site{Environment: fleet.DefaultEnvironment, Region: fleet.LocalRegion},
		platforms: []label.Platform{{OS: about.OS, Arch: about.Arch}},
		markets:   []fleet.Market{fleet.OnDemand}, // nobody takes these machines away
		listing:   localListing,
	}
}

// localListing is how often the machines of a host are compared with the rows: the provider answers from memory.
const localListing = 2 * time.Second

// localMachines make the local provider what a host serves.
type localMachines struct{ *local.Provider }

func (l localMachines) Verify(ctx context.Context, h agentapi.Hello) (host.Identity, error) {
	id, err := l.Provider.Verify(ctx, h)
	return host.Identity(id), err
}

// verifier makes a host's answers the controller's.
type verifier struct{ machines host.Machines }

func (v verifier) Verify(ctx context.Context, h agentapi.Hello) (controller.Identity, error) {
	id, err := v.machines.Verify(ctx, h)
	return controller.Identity(id), err
}

// openMachines opens this machine's own provider, or finds the host's.
func (p *parts) openMachines(ctx context.Context, s *server) error {
	var err error
	switch {
	case s.settings.OnEC2():
		p.machines, err = p.instanceMachines(ctx, s)
	case s.settings.HostURL != "":
		p.machines, err = p.hostMachines(ctx, s)
	default:
		p.machines, err = p.ownMachines(ctx, s)
	}
	if err != nil {
		return err
	}
	p.maxRunners = s.settings.MaxRunners
	if p.maxRunners == 0 {
		p.maxRunners = p.machines.about.Slots
	}
	return nil
}

func (p *parts) ownMachines(ctx context.Context, s *server) (machines, error) {
	runner, err := p.runnerFolder(s)
	if err != nil {
		return machines{}, err
	}
	return openLocal(ctx, localOptions{
		settings: s.settings, serverURL: p.localURL, runner: runner, clock: s.clock, random: s.random, logger: s.log,
		withoutLimit: func() { s.telemetry.FellBack(controller.FallbackUnlimited) }, onClose: p.onClose,
	})
}

// hostDeadline is how long a host may take to say what it offers.
const hostDeadline = 10 * time.Second

func (p *parts) hostMachines(ctx context.Context, s *server) (machines, error) {
	token, err := hostToken(s.settings)
	if err != nil {
		return machines{}, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	p.onClose("connections to the host", func() error { transport.CloseIdleConnections(); return nil })
	client, err := host.NewClient(s.settings.HostURL, token, s.clock, transport)
	if err != nil {
		return machines{}, fmt.Errorf("reading host_url: %w", err)
	}
	ctx, cancel := s.clock.WithTimeout(ctx, hostDeadline)
	defer cancel()
	about, err := client.About(ctx)
	if err != nil {
		return machines{}, fmt.Errorf("asking the host at %s what it offers (is runs-fleet host running there?): %w", s.settings.HostURL, err)
	}
	return ofOneHost(client, about), nil
}

// hostToken reads the token that host and servers share.
func hostToken(s settings.Settings) (string, error) {
	content, err := privateFile(s.HostTokenFile, "host_token_file")
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if len(token) < host.MinTokenChars {
		return "", &settings.Error{
			Where: s.HostTokenFile, What: fmt.Sprintf("the token has %d characters, and at least %d are needed", len(token), host.MinTokenChars),
		}
	}
	return token, nil
}

// privateFile reads a file with a secret, which only the server's user may be able to read.
func privateFile(path, key string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	const others = 0o077
	if info.Mode().Perm()&others != 0 {
		return nil, &settings.Error{Where: path, What: "other users can read this file of tokens: chmod 600 " + path}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	return content, nil
}

// localOptions are what machines on this computer need.
type localOptions struct {
	settings     settings.Settings
	serverURL    string // where agents say hello
	runner       func(context.Context) (string, error)
	clock        seam.Clock
	random       seam.Random
	logger       *slog.Logger
	withoutLimit func()
	onClose      func(what string, f func() error)
}

func openLocal(ctx context.Context, o localOptions) (machines, error) {
	s := o.settings
	agent, err := findAgent(s.Agent)
	if err != nil {
		return machines{}, err
	}
	slots := s.MaxRunners
	if slots == 0 {
		slots = runtime.NumCPU()
	}
	isolation := local.Auto
	if s.Isolation == settings.IsolationNone {
		isolation = local.NoIsolation
	}
	data, err := filepath.Abs(s.Data)
	if err != nil {
		return machines{}, fmt.Errorf("finding the data directory: %w", err)
	}
	p, err := local.New(ctx, local.Options{
		Dir: filepath.Join(data, "machines"), AgentPath: agent, ServerURL: o.serverURL, Isolation: isolation, Slots: slots,
		BootDelay: s.BootDelay, RunnerDir: o.runner, Hide: append([]string{data}, secretFiles(s)...), Environment: proxies(),
		WithoutLimit: o.withoutLimit, KeepLogs: s.KeepLogs, Clock: o.clock, Random: o.random, Logger: o.logger,
	})
	if err != nil {
		return machines{}, fmt.Errorf("preparing machines: %w", err)
	}
	o.onClose("the provider", p.Close)
	return ofOneHost(localMachines{p}, host.About{
		Isolation: p.Isolation(), Slots: slots, OS: fleet.OS(runtime.GOOS), Arch: fleet.Arch(runtime.GOARCH), Version: version.Current().Version,
	}), nil
}

// secretFiles are files that a job has no business to read, wherever they are.
func secretFiles(s settings.Settings) []string {
	var out []string
	for _, path := range s.SecretFiles() {
		if absolute, err := filepath.Abs(path); err == nil {
			out = append(out, absolute)
		}
	}
	return out
}

// proxies are what jobs need of the server's environment to reach GitHub.
func proxies() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if v := os.Getenv(name); v != "" {
			out[name] = v
		}
	}
	return out
}
