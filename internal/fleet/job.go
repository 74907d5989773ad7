package fleet

import (
	"slices"
	"time"
)

// JobID names a job: GitHub's id is unique within a host only.
type JobID struct {
	Host string `json:"host"`
	ID   int64  `json:"id"`
}

// Job is one GitHub job. Its state only rises within an epoch (rule 5.2).
type Job struct {
	ID         JobID      `json:"id"`
	Run        int64      `json:"run"`
	Attempt    int        `json:"attempt,omitempty"`
	Repository Repository `json:"repository"`
	Name       string     `json:"name,omitempty"`
	Workflow   string     `json:"workflow,omitempty"`
	HeadSHA    string     `json:"head_sha,omitempty"`
	Branch     string     `json:"branch,omitempty"`
	URL        string     `json:"url,omitempty"`
	Labels     []string   `json:"labels"`           // as GitHub sent them
	Folded     []string   `json:"folded,omitempty"` // case-folded, sorted

	State      JobState `json:"state"`
	Conclusion string   `json:"conclusion,omitempty"`
	Epoch      int      `json:"epoch"`
	// Runner is the name of the runner that has or had the job in this epoch; Attributed are all of this epoch, Closed
	// those of former ones (rule 5.4).
	Runner     string   `json:"runner,omitempty"`
	Attributed []string `json:"attributed,omitempty"`
	Closed     []string `json:"closed,omitempty"`
	Machine    string   `json:"machine,omitempty"` // site and id of Runner's machine, if it is ours
	// Regressed is when a GET first said that the job is queued or waiting again (rule 5.3); zero if none did.
	Regressed time.Time `json:"regressed,omitzero"`

	// Demand and Shape are empty for a job that is refused (Problem says why).
	Demand      DemandKey `json:"demand,omitempty"`
	Shape       ShapeKey  `json:"shape,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Problem     *Problem  `json:"problem,omitempty"`
	Retry       Retry     `json:"retry,omitempty"`

	// Backoffs count the times that the job was found unmatched; until BackoffUntil it does not count (rule 5.7).
	Backoffs     int       `json:"backoffs,omitempty"`
	BackoffUntil time.Time `json:"backoff_until,omitzero"`

	Created   time.Time `json:"created"`            // GitHub's time
	Queued    time.Time `json:"queued,omitzero"`    // since when this epoch counts, our time
	Started   time.Time `json:"started,omitzero"`   // in_progress, GitHub's time if it said one
	Ended     time.Time `json:"ended,omitzero"`     // completed
	Confirmed time.Time `json:"confirmed,omitzero"` // the newest authoritative sighting
	History   History   `json:"history,omitempty"`
}

// Problem is why a job is refused. Reported is when the author was told on the commit.
type Problem struct {
	Title    string    `json:"title"`
	Detail   string    `json:"detail"`
	Reported time.Time `json:"reported,omitzero"`
	Next     time.Time `json:"next,omitzero"` // when telling them is tried again
}

// Counts says whether the job is part of its demand's need.
func (j Job) Counts() bool { return j.State == JobQueued && j.Problem == nil && j.Demand != "" }

// Over says whether the job has ended for good.
func (j Job) Over() bool { return j.State == JobCompleted }

// RegressionWait is how long apart two GETs must say the same before an epoch is opened (rule 5.3).
const RegressionWait = 10 * time.Second

// Change is what a sighting did to a job.
type Change struct {
	// Attribute is the runner that the sighting names, to be attributed even if the job itself did not change (rule 5.1).
	Attribute string
	// Ended says that the sighting told of the job's end on that runner (rule 6.3).
	Ended    bool
	Moved    bool // the state changed
	Reopened bool // a new epoch began
	Dirty    bool // the row must be written
}

// See applies a sighting. runnersOver says that every runner attributed to the job is gone, not ours, or at work on
// another job: without it no epoch is opened (rule 5.3).
func (j Job) See(s Sighting, now time.Time, runnersOver bool) (Job, Change) {
	var c Change
	j = j.refresh(s)
	if s.Authoritative {
		c.Dirty = s.Asked.Sub(j.Confirmed) > confirmEvery
		if s.Asked.After(j.Confirmed) && c.Dirty {
			j.Confirmed = s.Asked
		}
		if !s.RunAlive && s.State != JobCompleted {
			s.State, s.Conclusion = JobCompleted, "run over" // rule 5.6: the run is over, so is the job
		}
	}
	switch s.State {
	case JobCompleted:
		return j.complete(s, now, c)
	case JobInProgress:
		return j.start(s, now, c)
	case JobQueued, JobWaiting:
		return j.wait(s, now, runnersOver, c)
	default:
		return j, c
	}
}

// confirmEvery spares writes: Confirmed is only as exact as the sweeps need.
const confirmEvery = 2 * time.Minute

// refresh fills what an earlier sighting did not say.
func (j Job) refresh(s Sighting) Job {
	if j.Name == "" {
		j.Name = s.Name
	}
	if j.Workflow == "" {
		j.Workflow = s.Workflow
	}
	if j.URL == "" {
		j.URL = s.URL
	}
	return j
}

func (j Job) complete(s Sighting, now time.Time, c Change) (Job, Change) {
	if s.Runner != "" {
		c.Attribute, c.Ended = s.Runner, true
		j = j.attribute(s.Runner, &c)
		if j.Runner != s.Runner && (j.Runner == "" || s.Authoritative || !j.Over()) {
			j.Runner = s.Runner
			c.Dirty = true
		}
	}
	if j.Over() {
		return j, c
	}
	j.State, j.Conclusion = JobCompleted, s.Conclusion
	j.Ended = firstTime(s.Ended, now)
	j.Regressed = time.Time{}
	j.History = j.History.Add(now, "completed", "GitHub says that the job ended: "+firstText(s.Conclusion, "no conclusion")+".")
	c.Moved, c.Dirty = true, true
	return j, c
}

func (j Job) start(s Sighting, now time.Time, c Change) (Job, Change) {
	if slices.Contains(j.Closed, s.Runner) && !s.Authoritative {
		before := len(j.History)
		j.History = j.History.Add(now, "late", "A late in_progress names "+s.Runner+", which an earlier attempt had; nothing changes.")
		c.Dirty = c.Dirty || len(j.History) != before
		return j, c
	}
	if !j.Regressed.IsZero() {
		j.Regressed = time.Time{}
		c.Dirty = true
	}
	if s.Runner != "" {
		c.Attribute = s.Runner
		j = j.attribute(s.Runner, &c)
	}
	if j.State.Rank() < JobInProgress.Rank() {
		j.State, j.Runner = JobInProgress, s.Runner
		j.Started = firstTime(s.Started, now)
		j.Backoffs, j.BackoffUntil = 0, time.Time{}
		j.History = j.History.Add(now, "in_progress", "GitHub gave the job to "+firstText(s.Runner, "a runner it does not name")+".")
		c.Moved, c.Dirty = true, true
		return j, c
	}
	if s.Authoritative && j.State == JobInProgress && s.Runner != "" && j.Runner != s.Runner {
		j.Runner = s.Runner // rule 5.1: an authoritative GET may replace it
		j.History = j.History.Add(now, "in_progress", "GitHub says that the job runs on "+s.Runner+".")
		c.Dirty = true
	}
	return j, c
}

func (j Job) wait(s Sighting, now time.Time, runnersOver bool, c Change) (Job, Change) {
	switch {
	case j.Over():
		return j, c
	case j.State == JobWaiting && s.State == JobQueued:
		j.State, j.Queued, j.Regressed = JobQueued, now, time.Time{}
		j.History = j.History.Add(now, "queued", "The job waits no longer for an approval or another run; it is queued.")
		c.Moved, c.Dirty = true, true
		return j, c
	case s.State.Rank() >= j.State.Rank():
		if !j.Regressed.IsZero() && s.Authoritative {
			j.Regressed = time.Time{}
			c.Dirty = true
		}
		return j, c
	case !s.Authoritative || s.State == JobQueued && s.Runner != "":
		return j, c // rule 5.3: a webhook never opens an epoch, nor does a job that has a runner
	case j.Regressed.IsZero():
		j.Regressed = s.Asked
		c.Dirty = true
		return j, c
	case s.Asked.Sub(j.Regressed) < RegressionWait || !runnersOver:
		return j, c
	}
	j.Epoch++
	j.Closed = addNames(j.Closed, append(slices.Clone(j.Attributed), j.Runner)...)
	j.Attributed, j.Runner, j.Machine = nil, "", ""
	j.Regressed, j.Started = time.Time{}, time.Time{}
	j.State, j.Queued = s.State, now
	j.History = j.History.Add(now, "reopened", "GitHub says twice that the job is "+string(s.State)+" again without a runner; it is served anew.")
	c.Moved, c.Reopened, c.Dirty = true, true, true
	return j, c
}

func (j Job) attribute(runner string, c *Change) Job {
	if slices.Contains(j.Attributed, runner) {
		return j
	}
	j.Attributed = addNames(j.Attributed, runner)
	c.Dirty = true
	return j
}

// Runners returns every runner that the job's rows know in this epoch.
func (j Job) Runners() []string {
	if j.Runner == "" || slices.Contains(j.Attributed, j.Runner) {
		return j.Attributed
	}
	return append(slices.Clone(j.Attributed), j.Runner)
}

// FoundUnmatched backs the job off: 5, 15, then 60 minutes (rule 5.7).
func (j Job) FoundUnmatched(now time.Time) Job {
	steps := []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour}
	wait := steps[min(j.Backoffs, len(steps)-1)]
	j.Backoffs++
	j.BackoffUntil = now.Add(wait)
	j.History = j.History.Add(now, "unmatched", "Two runners with exactly these labels listened for a minute each and GitHub gave this job to neither; the next try is in "+wait.String()+".")
	return j
}

// addNames keeps the newest names only: an old name can do no harm once its runner is gone for hours.
func addNames(names []string, more ...string) []string {
	const most = 24
	out := slices.Clone(names)
	for _, n := range more {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if len(out) > most {
		out = out[len(out)-most:]
	}
	return out
}

func firstTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func firstText(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
