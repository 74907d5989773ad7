package world

import (
	"strconv"
	"strings"
	"time"
)

// holder is a run (job 0) or a job that is in a concurrency group.
type holder struct {
	run     int64
	attempt int
	job     int64
}

// concurrencyGroup has at most one member in progress and one pending, as GitHub's groups have.
type concurrencyGroup struct {
	active  holder
	pending holder
}

func groupKey(r *Repository, name string) string {
	if name == "" {
		return ""
	}
	return strconv.FormatInt(r.ID, 10) + "/" + strings.ToLower(name)
}

// enter puts h into the group. It reports whether h may go on at once; otherwise it is pending, in place of whoever was.
func (w *World) enter(key string, h holder, cancelInProgress bool, now time.Time) bool {
	if key == "" {
		return true
	}
	g := w.groups[key]
	if g == nil {
		g = &concurrencyGroup{}
		w.groups[key] = g
	}
	if g.active == (holder{}) || g.active == h {
		g.active = h
		return true
	}
	replaced := g.pending
	g.pending = h
	if replaced != (holder{}) && replaced != h {
		w.cancelHolder(replaced, now)
	}
	if cancelInProgress {
		w.cancelHolder(g.active, now)
	}
	return g.active == h
}

// leave takes h out of the group and admits who was pending.
func (w *World) leave(key string, h holder, now time.Time) {
	g := w.groups[key]
	if g == nil {
		return
	}
	if g.pending == h {
		g.pending = holder{}
	}
	if g.active != h {
		return
	}
	g.active, g.pending = g.pending, holder{}
	if g.active == (holder{}) {
		delete(w.groups, key)
		return
	}
	w.admit(g.active, now)
}

func (w *World) admit(h holder, now time.Time) {
	run := w.runs[h.run]
	if h.job == 0 {
		if run.Status == Pending {
			w.begin(run, now)
		}
		return
	}
	if job := w.jobs[h.job]; job.Status == Pending {
		w.becomeQueued(run, job, now)
	}
}

func (w *World) cancelHolder(h holder, now time.Time) {
	if h.job == 0 {
		w.cancelRun(w.runs[h.run], now)
		return
	}
	w.cancelJob(w.jobs[h.job], now)
}
