package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// parts are what a server is made of, opened in this order and closed in the other.
type parts struct {
	closers []closer

	store        *sqlite.Store
	queue        *embedded.Queue
	records      *record.Records
	identity     record.Identity
	github       *github.Client
	repositories []fleet.Repository
	listener     net.Listener
	metrics      net.Listener // of metrics_listen, nil without one
	localURL     string       // under which this machine reaches the server
	provider     *local.Provider
	maxRunners   int
	clock        seam.Clock
}

type closer struct {
	what  string
	close func() error
}

func (p *parts) onClose(what string, f func() error) {
	p.closers = append(p.closers, closer{what, f})
}

// close closes everything, the last opened first, and tries all of it.
func (p *parts) close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		if err := c.close(); err != nil {
			errs = append(errs, fmt.Errorf("closing %s: %w", c.what, err))
		}
	}
	p.closers = nil
	return errors.Join(errs...)
}

// open opens everything that a server needs, or closes again what it had opened.
func open(ctx context.Context, s *server) (_ *parts, err error) {
	p := &parts{clock: s.clock}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := p.openData(ctx, s); err != nil {
		return nil, err
	}
	if p.github, err = gitHub(s.settings, s.clock, s.random, s.log, s.telemetry.FellBack); err != nil {
		return nil, err
	}
	if err := p.findRepositories(ctx, s); err != nil {
		return nil, err
	}
	if err := p.listen(ctx, s.settings); err != nil {
		return nil, err
	}
	if err := p.listenMetrics(ctx, s.settings); err != nil {
		return nil, err
	}
	return p, p.openProvider(ctx, s)
}

func (p *parts) openData(ctx context.Context, s *server) error {
	dir := s.settings.Data
	const private = 0o700
	if err := os.MkdirAll(dir, private); err != nil {
		return fmt.Errorf("making the data directory: %w; choose another with --data", err)
	}
	unlock, err := sqlite.Lock(dir)
	if err != nil {
		return err
	}
	p.onClose("the lock of the data directory", unlock)
	if p.store, err = sqlite.Open(ctx, s.settings.Path(s.settings.Store), s.clock, s.log); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	p.onClose("the store", p.store.Close)
	if p.queue, err = embedded.Open(ctx, s.settings.Path(s.settings.Queue), s.clock, embedded.Options{}, s.log); err != nil {
		return fmt.Errorf("opening the queue: %w", err)
	}
	p.onClose("the queue", p.queue.Close)
	p.records = record.New(p.store)
	const idBytes = 4
	p.identity, err = p.records.Identity(ctx, func() record.Identity {
		return record.Identity{Fleet: s.random.Token(idBytes), Created: s.clock.Now()}
	})
	return err
}

// sweep removes expired rows from the disk until the context ends.
func (p *parts) sweep(ctx context.Context, log *slog.Logger) {
	const most = 1000
	for p.clock.Sleep(ctx, sweepEvery) == nil {
		for {
			n, err := p.store.Sweep(ctx, most)
			if err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "removing expired rows", "error", err)
			}
			if err != nil || n < most {
				break
			}
		}
	}
}

// gitHub makes the client. It makes no call.
func gitHub(s settings.Settings, clock seam.Clock, random seam.Random, log *slog.Logger, fellBack func(controller.Fallback)) (*github.Client, error) {
	o := github.Options{
		BaseURL: s.GitHubURL, UserAgent: "runs-fleet/" + version.Current().Version, Clock: clock, Random: random, Logger: log,
		Token: s.GitHubToken.Reveal(), FellBack: fellBack,
	}
	if s.GitHubAppID != "" {
		key, err := os.ReadFile(s.GitHubAppKeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading github_app_key_file: %w", err)
		}
		o.App = &github.AppCredentials{ID: s.GitHubAppID, PrivateKeyPEM: key}
	}
	c, err := github.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting up the GitHub client: %w", err)
	}
	return c, nil
}

func (p *parts) openProvider(ctx context.Context, s *server) error {
	agent, err := findAgent(s.settings.Agent)
	if err != nil {
		return err
	}
	runner, err := p.runnerFolder(s)
	if err != nil {
		return err
	}
	p.maxRunners = s.settings.MaxRunners
	if p.maxRunners == 0 {
		p.maxRunners = runtime.NumCPU()
	}
	isolation := local.Auto
	if s.settings.Isolation == settings.IsolationNone {
		isolation = local.NoIsolation
	}
	data, err := filepath.Abs(s.settings.Data)
	if err != nil {
		return fmt.Errorf("finding the data directory: %w", err)
	}
	p.provider, err = local.New(ctx, local.Options{
		Dir: filepath.Join(data, "machines"), AgentPath: agent, ServerURL: p.localURL, Isolation: isolation, Slots: p.maxRunners,
		BootDelay: s.settings.BootDelay, RunnerDir: runner, Hide: append([]string{data}, s.secretFiles()...), Environment: proxies(),
		WithoutLimit: func() { s.telemetry.FellBack(controller.FallbackUnlimited) },
		KeepLogs:     s.settings.KeepLogs, Clock: s.clock, Random: s.random, Logger: s.log,
	})
	if err != nil {
		return fmt.Errorf("preparing machines: %w", err)
	}
	p.onClose("the provider", p.provider.Close)
	return nil
}

// secretFiles are files that a job has no business to read, wherever they are.
func (s *server) secretFiles() []string {
	var out []string
	for _, path := range []string{
		s.settings.GitHubTokenFile, s.settings.GitHubAppKeyFile, s.settings.WebhookSecretFile, s.settings.APITokensFile,
	} {
		if path == "" {
			continue
		}
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

// maxLog bounds a job's log that passes through the server.
const maxLog = 64 << 20

func (p *parts) jobLog(ctx context.Context, repository fleet.Repository, job int64) ([]byte, error) {
	log, err := p.github.JobLog(ctx, repository, job)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(log, maxLog))
	if err = errors.Join(err, log.Close()); err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return b, nil
}

func (p *parts) consoleLog(ctx context.Context, id fleet.MachineID) ([]byte, error) {
	return p.provider.ConsoleLog(ctx, id.Site, id.ID)
}
