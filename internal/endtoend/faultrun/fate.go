package faultrun

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/record"
)

// Kill is one death of a server.
type Kill struct {
	Server string
	At     time.Time
	// Works are the periodic works that it held; Recovered is how long after its death another had all of them.
	Works     []string
	Recovered time.Duration
	// Down is how long it was away, Ready how long its next life took to be ready.
	Down, Ready time.Duration
}

// fate is what happens by itself, by the seed, until the faults end.
type fate struct {
	w *world

	mu     sync.Mutex
	random *rand.Rand
	kills  []*Kill
	counts map[string]int
}

func newFate(w *world) *fate {
	return &fate{w: w, random: rand.New(rand.NewPCG(w.o.Seed, streamFate)), counts: map[string]int{}} //nolint:gosec // can be repeated
}

func (f *fate) draw() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.Uint64()
}

func (f *fate) between(low, high time.Duration) time.Duration {
	return low + time.Duration(f.draw()%uint64(high-low))
}

func (f *fate) count(what string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[what] += n
}

// strike does something again and again, about so often, until the context ends.
func (f *fate) strike(ctx context.Context, every time.Duration, what string, do func(draw uint64) bool) {
	if every <= 0 {
		return
	}
	for f.w.clock.Sleep(ctx, f.between(every/2, every+every/2)) == nil {
		if do(f.draw()) {
			f.count(what, 1)
		}
	}
}

// killServers kills one server about every so often, and starts it again. Whoever is down when faults end is started then.
func (f *fate) killServers(ctx context.Context) error {
	const soonest, latest = time.Second, 25 * time.Second
	w := f.w
	for next := w.clock.Now(); ; {
		next = next.Add(w.o.KillEvery)
		if w.clock.Sleep(ctx, next.Sub(w.clock.Now())) != nil {
			return nil //nolint:nilerr // the end of the faults is no error
		}
		holdings := w.holdings(ctx)
		s := f.victim(holdings)
		k := &Kill{Server: s.name}
		held := holdings["http://"+s.address]
		p := s.take()
		if p == nil {
			continue
		}
		p.kill()
		k.At, k.Works = w.clock.Now(), held.works
		f.mu.Lock()
		f.kills = append(f.kills, k)
		f.mu.Unlock()
		f.count("servers killed", 1)
		var all sync.WaitGroup
		all.Go(func() { k.Recovered = w.recovery(ctx, held, k.At) })
		_ = w.clock.Sleep(ctx, f.between(soonest, latest)) // at its end the server is started all the same
		k.Down = w.clock.Now().Sub(k.At)
		began := w.clock.Now()
		err := w.startServer(context.WithoutCancel(ctx), s)
		k.Ready = w.clock.Now().Sub(began)
		all.Wait()
		if err != nil {
			return err
		}
	}
}

// victim is a server drawn at random, every other time, the first included, the one that holds most of the periodic works.
func (f *fate) victim(holdings map[string]holding) *server {
	servers := f.w.servers
	chosen := servers[f.draw()%uint64(len(servers))]
	f.mu.Lock()
	kills := len(f.kills)
	f.mu.Unlock()
	if kills%2 == 1 {
		return chosen
	}
	for _, s := range servers {
		if len(holdings["http://"+s.address].works) > len(holdings["http://"+chosen.address].works) {
			chosen = s
		}
	}
	return chosen
}

// holding is what a life of a server holds of the periodic works.
type holding struct {
	holder string
	works  []string
}

// holdings reads who holds what, by the servers' addresses. Of lives that ended and are still listed, the newest counts.
func (w *world) holdings(ctx context.Context) map[string]holding {
	out, at := map[string]holding{}, map[string]time.Time{}
	leases, replicas, err := w.records.Leases(ctx)
	if err != nil {
		return out
	}
	for _, r := range replicas {
		if r.At.After(at[r.Address]) {
			at[r.Address] = r.At
			out[r.Address] = holding{holder: r.ID, works: held(leases, r.ID)}
		}
	}
	return out
}

func held(leases map[string]record.LeaseState, holder string) []string {
	var works []string
	for name, state := range leases {
		if state.Lease.V.Holder == holder {
			works = append(works, name)
		}
	}
	return works
}

// recovery waits until others hold what a dead server held, and returns how long that took since its death.
func (w *world) recovery(ctx context.Context, dead holding, since time.Time) time.Duration {
	const look, most = 200 * time.Millisecond, 5 * time.Minute
	if len(dead.works) == 0 {
		return 0
	}
	for ctx = context.WithoutCancel(ctx); ; {
		leases, _, err := w.records.Leases(ctx)
		took := w.clock.Now().Sub(since)
		if err == nil && len(held(leases, dead.holder)) == 0 {
			return took
		}
		if took > most {
			w.judge.violated("Recovery", "%s after a server's death its works are still its own", took)
			return took
		}
		if w.clock.Sleep(ctx, look) != nil {
			return took
		}
	}
}

// killAgents kills agents: mostly with their instances; early in the run also so that the instance stays, which takes
// minutes to be found out (rules 3.5, 6.2).
func (f *fate) killAgents(ctx context.Context) {
	end := f.w.clock.Now().Add(f.w.o.For / 2) //nolint:mnd // the second half has none
	f.strike(ctx, f.w.o.AgentEvery, "agents killed", func(draw uint64) bool {
		const one = 3 // of so many
		stays := f.w.clock.Now().Before(end) && draw%one == 0
		what := f.w.cloud.killAgent(f.draw(), stays)
		if what != "" {
			f.count("agents killed: "+what, 1)
		}
		return what != ""
	})
}

// progress tells how far everything is, every so often.
func (w *world) progress(ctx context.Context, f *fate, began time.Time) {
	const every = 15 * time.Second
	for w.clock.Sleep(ctx, every) == nil {
		states := map[string]int{}
		for _, j := range w.github.Jobs(0) {
			states[j.Status]++
		}
		inProcess, processes := w.cloud.alive()
		c := w.counts()
		f.mu.Lock()
		kills := len(f.kills)
		f.mu.Unlock()
		w.o.Progress("%s  jobs: %d waiting, %d queued, %d in progress, %d completed; machines: %d and %d real; calls: %d, faults %d; servers killed: %d; violations: %d",
			w.clock.Now().Sub(began).Round(time.Second), states["waiting"], states["queued"], states["in_progress"], states["completed"],
			inProcess, processes, c.CallsOf(""), c.FaultsOf(""), kills, len(w.judge.found()))
	}
}

func (k *Kill) String() string {
	return fmt.Sprintf("%s at %s held %d works, recovered in %s, down %s, ready in %s", k.Server, k.At.UTC().Format(time.TimeOnly), len(k.Works),
		k.Recovered.Round(time.Millisecond), k.Down.Round(time.Second), k.Ready.Round(time.Millisecond))
}
