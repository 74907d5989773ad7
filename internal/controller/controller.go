package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Identity is what a proof of a hello stands for.
type Identity struct {
	Site     fleet.Site
	Instance string
	Launch   string
}

// Verifier proves the machine that says hello. An error that wraps agentapi.ErrRefused is final.
type Verifier interface {
	Verify(ctx context.Context, h agentapi.Hello) (Identity, error)
}

// Config is what a controller is made of. Every field without "optional" is needed.
type Config struct {
	Records  *record.Records
	Queue    queue.Queue
	GitHub   GitHub
	Provider provider.Provider
	Verifier Verifier
	Clock    seam.Clock
	Random   seam.Random
	Logger   *slog.Logger
	Observer Observer // optional
	Archive  Archive  // optional: where the logs of machines that have ended are kept

	// Site is where machines are launched.
	Site fleet.Site
	// Markets is what the provider sells, in the order in which it is tried; none is what the labels ask for, spot first.
	Markets []fleet.Market
	// MaxRunners bounds the environment's live machines; 0 is no bound but the provider's.
	MaxRunners int
	// Resolve says what labels mean; label.ErrNotOurs and the like are told apart by Ours.
	Resolve func(fleet.Repository, []string) (fleet.Resolved, error)
	// Ours says whether labels are meant for this fleet at all; others are not stored.
	Ours func(labels []string) bool
	// Fold returns a label set case-folded, sorted and without repetition.
	Fold func(labels []string) []string
	// AllowOwner and AllowPublic say who may use the fleet.
	AllowOwner  func(owner string) bool
	AllowPublic func(fleet.Repository) bool
	// CancelOnLabelError cancels the run of a job whose labels are wrong.
	CancelOnLabelError bool

	// Repositories are scanned always; those with jobs lately are, besides (optional).
	Repositories []fleet.Repository
	// ScanInterval is how often GitHub is asked for queued jobs: 10 s without webhooks, 60 s as their safety net.
	ScanInterval time.Duration
	// ProviderInterval is how often the provider's instances are compared with the rows; 0 is 15 s.
	ProviderInterval time.Duration
	// Billed says that each call to the store and the queue costs money, as on AWS. Then the due index is read when a row is due
	// rather than always, and receipts of messages are gathered for longer.
	Billed bool
	// DueInterval is how often rows that are due are looked for, with Billed at most; 0 is 500 ms.
	DueInterval time.Duration
	// DashboardURL is put on commits (optional).
	DashboardURL string
	// ServerURL is GitHub's web address, handed to runners.
	ServerURL string
	// Workers is how many take messages of the queue at most, ten at a time; 0 is 8. Without a backlog one does.
	Workers int
	// Alone says that no other process can work with this store, as with an embedded one: what a former life held is taken over
	// at once.
	Alone bool
	// Pools returns the pools as they are configured now (optional).
	Pools func() []pool.Pool
	// PoolLimits bound what a pool does at a time; zero is pool.DefaultLimits.
	PoolLimits pool.Limits
	// Address is where other replicas reach this one, and Peers tells them that an agent has an order (both optional).
	Address string
	Peers   Peers
	// NoPacing switches rule 4.7's pacing of launches off: for benchmarks.
	NoPacing bool
}

// Controller is one replica's share of the control plane. Its methods may be called concurrently.
type Controller struct {
	Config

	fleetID  string
	types    catalog.Catalog // what is known of the machines of pools
	hints    hints
	wakes    wakes
	listings listings
	calls    inflight
	joins    joining
	boots    boots
	flood    flood
	crew     crew
	arrivals arrivals
	leases   leases
	dues     dues
	dead     deadCount
	archives archiving

	strays        sightings // instances without a row
	strayPass     time.Time // of the provider sweep only
	registrations sightings // registrations without a machine
	acknowledged  acknowledgements
	draining      atomic.Bool
	noted         sync.Map // fleet.Repository -> time.Time: when this replica knows it was noted as active
	keys          sync.Map // hash of an agent's key -> fleet.MachineID: bound once, never changed

	work sync.WaitGroup // what runs besides the loops
}

// How long rows of what has ended are kept.
const (
	keepJobs     = 30 * 24 * time.Hour
	keepMachines = 7 * 24 * time.Hour
	keepLaunches = 7 * 24 * time.Hour
	keepDemands  = 36 * time.Hour // GitHub cancels a queued job after 24 h
	keepNames    = 8 * 24 * time.Hour
)

// New checks the configuration and prepares a controller; Run starts it.
func New(c Config) (*Controller, error) {
	switch {
	case c.Records == nil, c.Queue == nil, c.GitHub == nil, c.Provider == nil, c.Verifier == nil:
		return nil, errors.New("controller: records, queue, GitHub, provider and verifier are needed")
	case c.Clock == nil, c.Random == nil, c.Logger == nil:
		return nil, errors.New("controller: clock, random and logger are needed")
	case c.Resolve == nil, c.Ours == nil, c.Fold == nil, c.AllowOwner == nil, c.AllowPublic == nil:
		return nil, errors.New("controller: resolving labels and permissions are needed")
	case c.Site.Environment == "" || c.Site.Region == "":
		return nil, errors.New("controller: a site is needed")
	}
	if c.Workers <= 0 {
		c.Workers = 8
	}
	if c.ScanInterval <= 0 {
		c.ScanInterval = time.Minute
	}
	if c.ProviderInterval <= 0 {
		c.ProviderInterval = providerEvery
	}
	if c.DueInterval <= 0 {
		c.DueInterval = dueEvery
	}
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	ctl := &Controller{Config: c}
	if c.Pools != nil {
		types, err := catalog.Embedded()
		if err != nil {
			return nil, fmt.Errorf("controller: reading the catalogue: %w", err)
		}
		ctl.types = types
	}
	ctl.hints.init(ctl)
	ctl.archives = make(archiving, archivingMost)
	ctl.leases.init(c.Random, c.Clock.Now())
	c.Records.OnDue(ctl.dues.written)
	return ctl, nil
}

// Run works until ctx ends and everything that it started has.
func (c *Controller) Run(ctx context.Context) error {
	id, err := c.Records.Identity(ctx, func() record.Identity {
		return record.Identity{Fleet: c.Random.Token(4), Created: c.Clock.Now()}
	})
	if err != nil {
		return fmt.Errorf("reading the fleet's identity: %w", err)
	}
	c.fleetID = id.Fleet
	var loops sync.WaitGroup
	start := func(name string, f func(context.Context)) {
		loops.Go(func() { c.loop(ctx, name, f) })
	}
	c.hints.start(ctx)
	c.leaseRound(ctx)
	start("leases", c.keepLeases)
	c.crew.joins(1)
	c.startWorker(ctx)
	start("due rows", c.passes(c.rest, c.DueInterval, SweepDue, c.workDue))
	start("shapes", c.every(reconcileEvery, SweepShapes, c.hintAliveShapes))
	start("GitHub truth", c.every(c.ScanInterval, SweepGitHub, c.sweepGitHub))
	start("provider truth", c.every(c.ProviderInterval, SweepProvider, c.sweepProvider))
	start("registrations", c.every(registrationsEvery, SweepRegistrations, c.sweepRegistrations))
	if c.Pools != nil {
		start("pools", c.every(poolsEvery, SweepPools, c.sweepPools))
	}
	<-ctx.Done()
	c.hints.stop()
	loops.Wait()
	c.work.Wait()
	return nil
}

// How often the periodic works run.
const (
	dueEvery           = 500 * time.Millisecond // reads an index; most rows are due in tens of seconds
	reconcileEvery     = 10 * time.Second       // rule 1.11
	providerEvery      = 15 * time.Second
	registrationsEvery = 2 * time.Minute
)

// every runs f at once and then at each interval, until the context ends, while this replica holds the work's lease.
func (c *Controller) every(d time.Duration, s Sweep, f func(context.Context) error) func(context.Context) {
	return c.passes(func(ctx context.Context) error { return c.Clock.Sleep(ctx, d) }, min(d, leaseEvery), s, f)
}

// passes runs f at once and after each rest, while this replica holds the work's lease.
func (c *Controller) passes(rest func(context.Context) error, idle time.Duration, s Sweep, f func(context.Context) error) func(context.Context) {
	return func(ctx context.Context) {
		for {
			pass, ok := c.pass(ctx, s)
			if !ok { // the work may have to be taken over soon
				if c.Clock.Sleep(ctx, idle) != nil {
					return
				}
				continue
			}
			began := c.Clock.Now()
			err := f(pass)
			if ctx.Err() == nil {
				c.Observer.Swept(s, c.Clock.Now().Sub(began), err)
				if err != nil {
					c.Logger.WarnContext(ctx, "periodic work ended early and will be tried again", "work", s, "error", err)
				}
			}
			if rest(ctx) != nil {
				return
			}
		}
	}
}

// spawn runs f besides the loops; Run waits for it.
func (c *Controller) spawn(ctx context.Context, name string, f func(context.Context)) {
	c.work.Go(func() {
		defer c.recovered(name)
		f(c.begin(record.Unfenced(ctx), name))
	})
}

// begin names a goroutine that begins, and lets the clock say when it goes on: two that were started together then run in
// an order that a simulation can repeat.
func (c *Controller) begin(ctx context.Context, name string) context.Context {
	ctx = seam.Named(ctx, name)
	_ = c.Clock.Sleep(ctx, 0)
	return ctx
}

// recovered keeps one bad row from ending the server (failure mode A4).
func (c *Controller) recovered(name string) {
	if r := recover(); r != nil {
		c.met(name, r)
	}
}

// met tells of a bug that was met, from within the deferred function that recovered from it.
func (c *Controller) met(name string, panicked any) {
	c.Observer.FellBack(FallbackPanic)
	c.Logger.Error("a bug was met; the work will be tried again", "in", name, "panic", fmt.Sprint(panicked), "stack", stack())
}

// FleetID returns the fleet's identity, once Run has begun.
func (c *Controller) FleetID() string { return c.fleetID }
