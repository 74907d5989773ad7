package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// replica is one server: killed and started again, it has several lives.
type replica struct {
	w      *World
	name   string
	number int
	lives  int

	d      *domain
	ctl    *controller.Controller
	server server
	stop   context.CancelFunc
	serves bool // takes calls
	over   bool // this life's Run has returned
	calls  []*call
}

// workers is how many messages a replica handles at once: fewer than in production, which changes nothing but the speed.
const workers = 3

// begin starts the replica's next life.
func (r *replica) begin() {
	w := r.w
	r.lives++
	r.d = &domain{name: fmt.Sprintf("%s.%d", r.name, r.lives)}
	if rate := w.cfg.Rates[ClockSkew]; rate > 0 && w.faulty() {
		w.stats.Faults[ClockSkew]++
		r.d.skew = w.fate.between(-time.Duration(rate*float64(time.Second)), time.Duration(rate*float64(time.Second)))
	}
	clk := clock{w.s, r.d}
	g := &githubSeam{w: w, d: r.d}
	ctl, err := controller.New(controller.Config{
		Records: record.New(w.seamOf(r.d)), Queue: queueSeam{w, r.d}, GitHub: g, Provider: providerSeam{w, r.d}, Verifier: w.cloud,
		Clock: clk, Random: newStream(w.cfg.Seed, purposeReplica+uint64(r.number)<<32+uint64(r.lives)),
		Logger: slog.New(&recorder{w: w, from: r.d.name}),
		Site:   site(), ScanInterval: w.scanInterval(), DueInterval: w.dueInterval(), Billed: w.billed(), Workers: workers, ServerURL: "https://github.sim",
		Resolve: w.resolve, MaxRunners: w.maxRunners(),
		Ours: func(labels []string) bool {
			return slices.ContainsFunc(labels, func(l string) bool { return strings.HasPrefix(strings.ToLower(l), label.Marker) })
		},
		Fold:       label.Fold,
		AllowOwner: func(o string) bool { return strings.EqualFold(o, owner) }, AllowPublic: func(fleet.Repository) bool { return false },
		Repositories: w.hub.repositories(),
	})
	if err != nil {
		panic("simulate: " + err.Error()) // the configuration above
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	r.server = newServer(w, r.d, ctl, slog.New(&recorder{w: w, from: r.d.name}))
	r.ctl, r.serves, r.over, r.calls = ctl, true, false, nil
	d := r.d
	go func() {
		w.s.park(ctx, d, "run", w.s.now)
		err := ctl.Run(ctx)
		w.s.after(0, d.name+" has stopped", func() { r.stopped(d, err) })
	}()
	w.history.add("", "%s starts, its clock %s off", r.d.name, r.d.skew)
}

// stopped is the end of a life's work. A process that was not told to stop ends with an error, and is started again as by
// systemd (deploy/systemd: Restart=on-failure).
func (r *replica) stopped(d *domain, err error) {
	if r.d != d {
		return
	}
	r.over = true
	if err == nil || !r.serves {
		return
	}
	r.w.history.add("", "%s ends by itself: %v", d.name, err)
	r.w.stats.Ended++
	r.kill()
	r.w.s.after(restartAfter, r.name+" is started again", func() {
		if !r.serves {
			r.begin()
		}
	})
}

// restartAfter is RestartSec of the unit.
const restartAfter = 5 * time.Second

// resolve is what labels mean under the present revision of the configuration.
func (w *World) resolve(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
	resolved, err := label.Resolve(labels, label.Fleet{})
	if err == nil && w.revision > 0 {
		resolved.Spec.Disk.SizeGB = diskStep * (1 + w.revision%revisions)
	}
	return resolved, err
}

// A revision asks for another disk, and some later one for the first again.
const (
	diskStep  = 20
	revisions = 3
)

// maxRunners is a limit that bursts meet, while the jobs of an hour fit in: with less, waiting for long would be no fault.
func (w *World) maxRunners() int {
	if w.cfg.Forecast != nil {
		return w.cfg.Forecast.MaxRunners
	}
	rate := w.cfg.Rates[FewRunners]
	if rate <= 0 {
		return 0
	}
	return leastRunners + int(rate*fewRunners)
}

const (
	leastRunners = 24
	fewRunners   = 12
)

// kill ends the replica at once, wherever it is.
func (r *replica) kill() {
	r.serves = false
	r.w.s.killing(r.d)
	r.stop()
	r.w.s.kill(r.d)
	r.over = true
	r.w.history.add("", "%s is killed", r.d.name)
	r.hangUp()
}

// hangUp ends every call that the replica has not answered.
func (r *replica) hangUp() {
	calls := r.calls
	r.calls = nil
	for _, c := range calls {
		c.fail()
	}
}

// roll stops the replica in an orderly way, and starts it again.
func (r *replica) roll() {
	d := r.d
	r.serves = false
	r.w.history.add("", "%s is told to stop", d.name)
	r.stop()
	for _, c := range r.calls {
		c.cancel()
	}
	r.w.s.after(20*time.Second, d.name+" must have stopped", func() {
		if r.d != d {
			return
		}
		if !r.over {
			r.kill()
		}
		r.hangUp()
		r.begin()
	})
}

// call is a call that somebody outside makes to a replica.
type call struct {
	w        *World
	r        *replica
	key      string
	cancel   context.CancelFunc
	answered func(any, error)
	limit    *event // when the caller will not wait any longer (optional)
	over     bool
}

// How long a call takes on the way, each way.
const (
	networkLeast = time.Millisecond
	networkMost  = 40 * time.Millisecond
)

// ask makes a call to a replica. answered is called once, unless the call is given up.
func (w *World) ask(r *replica, key string, serve func(context.Context, *replica) (any, error), answered func(any, error)) *call {
	ctx, cancel := context.WithCancel(seam.Named(context.Background(), key))
	c := &call{w: w, r: r, key: key, cancel: cancel, answered: answered}
	if r == nil || !r.serves {
		c.fail()
		return c
	}
	d := r.d
	r.calls = append(r.calls, c)
	there, back := w.agenty.between(networkLeast, networkMost), w.agenty.between(networkLeast, networkMost)
	go func() {
		deepen()
		w.s.park(ctx, d, key, w.s.now.Add(there))
		v, err := serve(ctx, r)
		w.s.after(back, key+" answered", func() { c.answer(v, err) })
	}()
	return c
}

func (c *call) fail() {
	c.w.s.after(c.w.agenty.between(networkLeast, networkMost), c.key+" failed", func() { c.answer(nil, errCut) })
}

func (c *call) answer(v any, err error) {
	if c.over {
		return
	}
	c.end()
	c.answered(v, err)
}

// giveUp hangs up: the replica notices, and whatever it answers is not heard.
func (c *call) giveUp() {
	if c.limit != nil {
		c.w.s.events.cancel(c.limit)
	}
	if !c.over {
		c.end()
	}
}

func (c *call) end() {
	c.over = true
	c.cancel()
	if c.r != nil {
		if i := slices.Index(c.r.calls, c); i >= 0 {
			c.r.calls = slices.Delete(c.r.calls, i, i+1)
		}
	}
}

// anyReplica chooses one as a load balancer does: among those that serve.
func (w *World) anyReplica() *replica {
	var up []*replica
	for _, r := range w.replicas {
		if r.serves {
			up = append(up, r)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[w.agenty.below(len(up))]
}
