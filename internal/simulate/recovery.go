package simulate

import (
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Spread is how long things took, counted by bounds: a thousand worlds' durations fit into it.
type Spread struct {
	Counts  []int // of what took at most the bound of the same place, and more than the one before
	Longest time.Duration
}

// spreadBounds are the bounds of a Spread's counts; the last count is of what took longer than all.
func spreadBounds() []time.Duration {
	return []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute,
		90 * time.Second, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 7 * time.Minute, 10 * time.Minute, 15 * time.Minute,
		20 * time.Minute, 30 * time.Minute, time.Hour,
	}
}

func (s *Spread) add(d time.Duration) {
	bounds := spreadBounds()
	if s.Counts == nil {
		s.Counts = make([]int, len(bounds)+1)
	}
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	s.Counts[i]++
	s.Longest = max(s.Longest, d)
}

func (s *Spread) merge(o Spread) {
	if s.Counts == nil {
		s.Counts = make([]int, len(spreadBounds())+1)
	}
	for i, n := range o.Counts {
		s.Counts[i] += n
	}
	s.Longest = max(s.Longest, o.Longest)
}

// N is how many there were.
func (s Spread) N() int {
	n := 0
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Within returns a bound that so many per cent stayed within.
func (s Spread) Within(percent int) time.Duration {
	left := (s.N()*percent + 99) / 100
	for i, bound := range spreadBounds() {
		if i < len(s.Counts) {
			left -= s.Counts[i]
		}
		if left <= 0 {
			return min(bound, s.Longest)
		}
	}
	return s.Longest
}

// Recovered is something that faults spoil and that is made good: what is measured, and what the protocol allows.
type Recovered struct {
	What   string
	Rule   string
	Bound  time.Duration
	Steady Spread // in worlds in which the servers, the store, GitHub and the cloud answer all the time
	Others Spread // in all others, in which no bound holds
}

// The keys of Stats.Steady and Stats.Others.
const (
	recoveredWebhook = "webhook"
	recoveredServer  = "server"
	recoveredSilent  = "silent"
	recoveredBoot    = "boot"
	recoveredEnded   = "ended"
)

// Recovered lists what is measured.
func (s Stats) Recovered() []Recovered {
	of := func(key, what, rule string, bound time.Duration) Recovered {
		return Recovered{What: what, Rule: rule, Bound: bound, Steady: s.Steady[key], Others: s.Others[key]}
	}
	return []Recovered{
		of(recoveredWebhook, "a webhook is lost, until the row knows", "section 9: a webhook that was never attempted", 5*time.Minute),
		of(recoveredServer, "one of several servers is killed, until another has taken its periodic work", "section 9: a dead replica's work", 30*time.Second),
		of(recoveredSilent, "an agent dies or hangs while no job runs, until its machine is gone", "rules 3.5, 6.2: 60 + 60 + 120 s, and calls", boundSilent),
		of(recoveredBoot, "a machine never boots, from its launch until it is gone", "section 9: boot, then rule 6.2", boundBoot),
		of(recoveredEnded, "an instance ends by itself, until its row has ended", "rule 6.5: the provider sweep", boundElsewhere),
	}
}

const (
	boundSilent = 4*time.Minute + 30*time.Second
	boundBoot   = 5*time.Minute + 30*time.Second
)

// recovery remembers what faults have spoiled and nobody has made good yet.
type recovery struct {
	c        *checker
	webhooks map[int64]map[fleet.JobState]time.Time // that were lost, by job
	holders  map[string]*domain                     // the servers that hold the periodic works
	ended    map[string]time.Time                   // instances that ended by themselves
}

func newRecovery(c *checker) *recovery {
	return &recovery{c: c, webhooks: map[int64]map[fleet.JobState]time.Time{}, holders: map[string]*domain{}, ended: map[string]time.Time{}}
}

// good notes that what was spoiled then is made good now.
func (r *recovery) good(key string, since time.Time) {
	stats, took := &r.c.w.stats, r.c.w.s.now.Sub(since)
	if stats.Others == nil {
		stats.Others, stats.Steady = map[string]Spread{}, map[string]Spread{}
	}
	into := stats.Others
	if r.steady(key) {
		into = stats.Steady
	}
	s := into[key]
	s.add(took)
	into[key] = s
}

// steady says whether everything answers that what was spoiled needs to be made good.
func (r *recovery) steady(key string) bool {
	for _, f := range []Fault{
		GitHubDown, GitHubTimeout, GitHubLimit, StoreDown, StoreTimeout, StoreConflict, StoreSlow, ReplicaKilled, ReplicaPaused, ReplicaRolled,
		ProviderDown, ProviderTimeout, ProviderSilent, ListingLags, ListingGaps, TerminateKept,
	} {
		if r.c.w.cfg.Rates[f] > 0 && (f != ReplicaKilled || key != recoveredServer) {
			return false
		}
	}
	return true
}

// lost is a webhook that is never delivered.
func (r *recovery) lost(job int64, s fleet.JobState) {
	if r.webhooks[job] == nil {
		r.webhooks[job] = map[fleet.JobState]time.Time{}
	}
	if _, known := r.webhooks[job][s]; !known {
		r.webhooks[job][s] = r.c.w.s.now
	}
}

// row is a job's row: what was not told is known when the row says as much, or more.
func (r *recovery) row(j fleet.Job) {
	for s, at := range r.webhooks[j.ID.ID] {
		if j.State.Rank() >= s.Rank() {
			r.good(recoveredWebhook, at)
			delete(r.webhooks[j.ID.ID], s)
		}
	}
}

// lease is a row of a periodic work's lease: what a killed server held goes on.
func (r *recovery) lease(d *domain, row store.Row) {
	was := r.holders[row.Key.Sort]
	r.holders[row.Key.Sort] = d
	if was != nil && was != d && was.dead && !was.died.IsZero() && r.c.w.cfg.Replicas > 1 {
		r.good(recoveredServer, was.died)
	}
}

// machineEnded is the end of an instance.
func (r *recovery) machineEnded(m *machine, reason string) {
	switch {
	case !strings.HasPrefix(reason, byServer):
		r.ended[m.inst.ID] = r.c.w.s.now
	case !m.silentSince.IsZero() && !m.ran:
		r.good(recoveredSilent, m.silentSince)
	case m.neverBoots:
		r.good(recoveredBoot, m.created)
	}
}

// machineRow is a machine's row.
func (r *recovery) machineRow(m fleet.Machine) {
	if at, ended := r.ended[m.ID.ID]; ended && !m.Live() {
		r.good(recoveredEnded, at)
		delete(r.ended, m.ID.ID)
	}
}
