package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/archive"
	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// parts are what a server is made of, opened in this order and closed in the other.
type parts struct {
	closers []closer

	store        store.Store
	expired      sweeper // nil if the store sweeps itself
	alone        bool    // no other server can work with the store
	queue        depthQueue
	archive      *archive.Archive
	old          func(context.Context) (int, error) // removes logs that are old; nil if a lifecycle does
	calls        awsclient.Tally                    // to AWS
	records      *record.Records
	identity     record.Identity
	secrets      *secrets
	github       *github.Client
	repositories []fleet.Repository
	listener     net.Listener
	metrics      net.Listener // of metrics_listen, nil without one
	localURL     string       // under which this machine reaches the server
	machines     machines
	maxRunners   int
	replicas     *replicas // nil without other servers
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
	if err := p.openBlobs(ctx, s); err != nil {
		return nil, err
	}
	kept := func() { s.telemetry.FellBack(controller.FallbackSecret) }
	if p.secrets, err = openSecrets(ctx, s.settings, s.clock, s.random, s.log, kept); err != nil {
		return nil, err
	}
	if p.github, err = gitHub(s.settings, p.secrets, s.clock, s.random, s.log, s.telemetry.FellBack); err != nil {
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
	p.openReplicas(s)
	return p, p.openMachines(ctx, s)
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
	if err := p.openStore(ctx, s); err != nil {
		return err
	}
	if err := p.openQueue(ctx, s); err != nil {
		return err
	}
	p.records = record.New(p.store)
	if err := p.records.Complete(ctx); err != nil {
		return err
	}
	const idBytes = 4
	p.identity, err = p.records.Identity(ctx, func() record.Identity {
		return record.Identity{Fleet: s.random.Token(idBytes), Created: s.clock.Now()}
	})
	return err
}

// gitHub makes the client. It makes no call.
func gitHub(
	s settings.Settings, of *secrets, clock seam.Clock, random seam.Random, log *slog.Logger, fellBack func(controller.Fallback),
) (*github.Client, error) {
	o := github.Options{
		BaseURL: s.GitHubURL, UserAgent: "runs-fleet/" + version.Current().Version, Clock: clock, Random: random, Logger: log,
		FellBack: fellBack,
	}
	if of.token != nil {
		o.Tokens = of.token
	}
	if s.GitHubAppID != "" {
		o.App = &github.AppCredentials{ID: s.GitHubAppID}
		if of.appKey != nil {
			o.App.PrivateKey = of.appKey
		}
	}
	c, err := github.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting up the GitHub client: %w", err)
	}
	return c, nil
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
