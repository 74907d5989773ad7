// Package githubsim is a stateful and strict fake of GitHub: its REST API, its webhooks, and the broker that runners
// talk to. It serves the demo and the tests; the product never imports it.
//
// The state machine is package world, which is pure. This package is its edge: it authenticates, limits, renders, signs
// and sends. One mutex guards everything and is never held across network I/O.
package githubsim

import (
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// tick is how often time passes in a simulator that is not passive: the grain of its clocks.
const tick = 100 * time.Millisecond

// Simulator is a simulated GitHub.
type Simulator struct {
	clock        seam.Clock
	random       seam.Random
	logger       *slog.Logger
	passive      bool
	controlToken string
	downloads    []Download
	sender       Sender
	handler      http.Handler

	ctx     context.Context //nolint:containedctx // the life of the goroutines, which Close ends
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	world   *world.World
	baseURL string
	app     *application
	pending map[string]*pendingApp // by the code that fetches them
	tokens  map[string]*principal
	hooks   *ledger
	limits  *limiter
	reports []Report
	logs    map[string]logLink
	changed chan struct{}
	seen    uint64
	closed  bool
	// everywhere says that the App is installed at every owner, those to come included.
	everywhere bool
}

// application is the App with its installations.
type application struct {
	id            int64
	slug          string
	name          string
	owner         string // login
	homepage      string
	private       bool // it can be installed at its owner only
	key           *rsa.PublicKey
	permissions   map[string]string
	events        []string
	installations []*Installation
}

// New builds a simulator. Close ends it.
func New(o Options) (*Simulator, error) {
	if o.Clock == nil {
		o.Clock = seam.System{}
	}
	if o.Random == nil {
		o.Random = seam.Crypto{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Sender == nil {
		o.Sender = NewHTTPSender()
	}
	if o.Downloads == nil {
		o.Downloads = defaultDownloads()
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Simulator{
		clock: o.Clock, random: o.Random, logger: o.Logger, passive: o.Passive, controlToken: o.ControlToken, downloads: o.Downloads,
		sender: o.Sender, ctx: ctx, cancel: cancel, world: world.New(o.Random, o.Speedup, o.Clock.Now()), baseURL: strings.TrimRight(o.BaseURL, "/"),
		tokens: map[string]*principal{}, pending: map[string]*pendingApp{}, limits: newLimiter(o.Limits.withDefaults()),
		logs: map[string]logLink{}, changed: make(chan struct{}),
	}
	s.hooks = newLedger(s.world, o.Webhook)
	if err := s.populate(o); err != nil {
		cancel()
		return nil, err
	}
	s.world.SetFaults(o.Faults)
	s.handler = s.routes()
	if !o.Passive {
		s.running.Go(s.run)
	}
	return s, nil
}

func (s *Simulator) populate(o Options) error {
	now := s.clock.Now()
	for _, spec := range o.Repositories {
		if _, err := s.world.AddRepository(spec, now); err != nil {
			return fmt.Errorf("creating repositories: %w", err)
		}
	}
	for _, g := range o.Groups {
		scope := s.world.Organization(g.Organization)
		if scope == nil {
			return fmt.Errorf("creating runner group %q: %q is no organisation with a repository", g.Name, g.Organization)
		}
		s.world.AddGroup(scope, g.Name, g.Repositories)
	}
	for _, t := range o.PersonalTokens {
		s.tokens[t.Token] = personal(t)
	}
	if o.App != nil {
		s.app = &application{
			id: o.App.ID, slug: o.App.Slug, key: o.App.PublicKey, permissions: DefaultPermissions(),
			events: []string{"push", "workflow_job", "workflow_run"},
		}
		if s.app.slug == "" {
			s.app.slug = "runs-fleet"
		}
		s.app.name, s.app.owner = s.app.slug, s.app.slug
		for _, i := range o.App.Installations {
			s.app.installations = append(s.app.installations, &i)
		}
		s.hooks.app = s.app
		if s.everywhere = o.App.Installations == nil; s.everywhere {
			s.installEverywhere()
		}
	}
	return nil
}

// installEverywhere gives every owner an installation that sees all of its repositories.
func (s *Simulator) installEverywhere() {
	for _, r := range s.world.Repositories() {
		if s.app.at(r.Owner.Login) == nil {
			s.app.installations = append(s.app.installations, &Installation{ID: s.world.NextID() % 1_000_000_000, Account: r.Owner.Login})
		}
	}
}

func (a *application) at(owner string) *Installation {
	for _, i := range a.installations {
		if strings.EqualFold(i.Account, owner) {
			return i
		}
	}
	return nil
}

// Handler serves GitHub's API at / and /api/v3/, the pages with which a person creates and installs an App, the broker at /_runner/ and the control endpoints at /_sim/.
func (s *Simulator) Handler() http.Handler { return s.handler }

// SetBaseURL says where the simulator is reached, once its listener is open.
func (s *Simulator) SetBaseURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.baseURL = strings.TrimRight(url, "/")
}

// Close ends long polls and deliveries, and waits for its goroutines.
func (s *Simulator) Close() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	if closer, ok := s.sender.(interface{ Close() }); ok {
		closer.Close()
	}
}

func (s *Simulator) run() {
	for s.clock.Sleep(s.ctx, tick) == nil {
		s.locked(func(time.Time) {})
	}
}

// Step lets everything happen that is due now and, in a passive simulator, sends the webhooks that are due, one by one.
func (s *Simulator) Step(ctx context.Context) {
	s.locked(func(time.Time) {})
	if !s.passive {
		return
	}
	for {
		var due []*delivery
		s.locked(func(now time.Time) { due = s.hooks.takeDue(now, 1) })
		if len(due) == 0 {
			return
		}
		s.deliver(ctx, due[0])
	}
}

// locked runs f on the state as of now: time passes before it, and what follows from it happens after it.
func (s *Simulator) locked(f func(now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	s.world.Advance(now)
	f(now)
	s.world.Advance(now)
	s.collect(now)
}

// collect turns events into deliveries, starts those that are due, and wakes long polls.
func (s *Simulator) collect(now time.Time) {
	for _, event := range s.world.TakeEvents() {
		s.hooks.add(s.render(), event, now)
	}
	if s.seen != s.world.Changes() {
		s.seen = s.world.Changes()
		close(s.changed)
		s.changed = make(chan struct{})
	}
	if s.passive || s.closed {
		return
	}
	for _, d := range s.hooks.takeDue(now, maxInFlight) {
		s.running.Go(func() { s.deliver(s.ctx, d) })
	}
}
