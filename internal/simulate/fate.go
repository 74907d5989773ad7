package simulate

import (
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// strike plans a fault that happens by itself, again and again, until faults end.
func (w *World) strike(f Fault, do func() bool) {
	wait := perHour(w.fate, w.cfg.Rates[f])
	if wait == 0 {
		return
	}
	w.s.after(wait, "fault "+string(f), func() {
		if !w.faulty() {
			return
		}
		if do() {
			w.stats.Faults[f]++
		}
		w.strike(f, do)
	})
}

// rushOf is how many runs of four jobs start at once: more than a small limit of runners allows.
const rushOf = 12

// noticed is the share of reclaims that are announced two minutes earlier.
const noticed = 0.7

// doom plans all faults that happen by themselves.
func (w *World) doom() {
	w.strike(ReplicaKilled, w.killReplica)
	w.strike(ReplicaPaused, w.pauseReplica)
	w.strike(ReplicaRolled, w.rollReplica)
	w.strike(AgentKilled, func() bool { return w.someMachine((*machine).killAgent) })
	w.strike(AgentHung, func() bool { return w.someMachine((*machine).hangAgent) })
	w.strike(AgentCutOff, func() bool {
		d := w.fate.between(10*time.Second, 12*time.Minute)
		return w.someMachine(func(m *machine) { m.cutOff(d) })
	})
	w.strike(SpotReclaim, func() bool {
		notice := w.fate.chance(noticed)
		return w.someMachineOf((*machine).reclaimable, func(m *machine) { w.cloud.reclaim(m, notice) })
	})
	w.strike(ProviderEmpty, func() bool {
		w.cloud.drain(w.fate.between(10*time.Second, 5*time.Minute))
		return true
	})
	w.strike(Rush, func() bool {
		repository := w.fate.below(len(w.hub.repos))
		for range rushOf {
			w.dispatch(repository, "four")
		}
		return true
	})
	w.strike(ProviderSilent, func() bool {
		d, long := w.fate.between(30*time.Second, 12*time.Minute), w.fate.between(11*time.Minute, 20*time.Minute)
		if w.fate.chance(0.2) { // a launch is given up after ten minutes
			d = long
		}
		w.history.add("", "the cloud falls silent")
		w.cloud.silence(d)
		return true
	})
	w.strike(Revision, func() bool {
		w.revision++
		w.history.add("", "revision %d of the configuration", w.revision)
		return true
	})
	w.strike(JobTaken, w.takeJob)
	w.strike(RunCancelled, w.cancelRun)
}

func (w *World) killReplica() bool {
	r := w.replicas[w.fate.below(len(w.replicas))]
	if !r.serves {
		return false
	}
	r.kill()
	w.s.after(w.fate.between(time.Second, 2*time.Minute), r.name+" starts again", func() {
		if !r.serves {
			r.begin()
		}
	})
	return true
}

func (w *World) pauseReplica() bool {
	r := w.replicas[w.fate.below(len(w.replicas))]
	d := w.fate.between(5*time.Second, 5*time.Minute)
	if !r.serves {
		return false
	}
	r.d.paused = w.s.now.Add(d)
	r.d.pausedFrom, r.d.pausedTo = w.s.now, r.d.paused
	w.history.add("", "%s is paused for %s", r.d.name, d)
	return true
}

func (w *World) rollReplica() bool {
	rolled := false
	for i, r := range w.replicas {
		if !r.serves {
			continue
		}
		rolled = true
		w.s.after(time.Duration(i)*30*time.Second, r.name+" is rolled", func() {
			if r.serves {
				r.roll()
			}
		})
	}
	return rolled
}

// someMachine does something to a machine that lives and that nothing has been done to.
func (w *World) someMachine(do func(*machine)) bool {
	return w.someMachineOf(func(*machine) bool { return true }, do)
}

// reclaimable says whether the machine was bought on the spot market and has no notice yet.
func (m *machine) reclaimable() bool { return m.inst.Market == fleet.Spot && !m.noticed }

func (w *World) someMachineOf(kind func(*machine) bool, do func(*machine)) bool {
	var live []*machine
	for _, m := range w.cloud.open {
		if m.live() && m.agent.runs && m.fault == "" && kind(m) {
			live = append(live, m)
		}
	}
	i := w.fate.r.Uint64()
	if len(live) == 0 {
		return false
	}
	do(live[i%uint64(len(live))])
	return true
}

// takeJob gives a queued job to somebody else's runner.
func (w *World) takeJob() bool {
	d := w.fate.between(10*time.Second, 5*time.Minute)
	taken := false
	w.hub.jobs(func(run *world.Run, job *world.Job) {
		if taken || job.Status != world.Queued || run.Status == world.Completed {
			return
		}
		for _, thief := range w.hub.foreign {
			if !taken && w.hub.gh.Steal(job, thief, d, world.Success, w.s.now) == nil {
				taken = true
				w.history.add(jobName(job.ID), "GitHub: job %d is taken by %s", job.ID, thief.Name)
			}
		}
	})
	if taken {
		w.hub.advance()
	}
	return taken
}

// cancelRun cancels a run that is not over.
func (w *World) cancelRun() bool {
	var open []*world.Run
	for _, run := range w.hub.gh.Runs() {
		if run.Status != world.Completed {
			open = append(open, run)
		}
	}
	i := w.fate.r.Uint64()
	if len(open) == 0 {
		return false
	}
	run := open[i%uint64(len(open))]
	w.history.add("", "GitHub: run %d is cancelled, with its jobs %s", run.ID, w.jobNames(run))
	cancelled := w.hub.gh.Cancel(run, w.s.now) == nil
	w.hub.advance()
	return cancelled
}

func (w *World) jobNames(run *world.Run) string {
	var names strings.Builder
	for _, job := range w.hub.gh.JobsOf(run, run.Attempt) {
		fmt.Fprintf(&names, "job %d , ", job.ID)
	}
	return names.String()
}

// calm ends all faults: replicas that are down or paused go on, connections work, GitHub behaves.
func (w *World) calm() {
	w.hub.quiet()
	w.cloud.setFaults()
	for _, r := range w.replicas {
		r.d.paused = time.Time{}
	}
	for _, m := range w.cloud.machines {
		m.agent.cut = time.Time{}
	}
	w.history.add("", "the last fault is over")
}
