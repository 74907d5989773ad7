package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/runner"
)

const (
	watchEvery = 150 * time.Millisecond // how often the table is brought up to date
	settle     = 5 * time.Second        // for the last processes to be reaped and the last registration to go
)

// Errors that say how the demo ended.
var (
	// ErrNeedsLinux means that this machine cannot run runners.
	ErrNeedsLinux = errors.New("the demo runs jobs on this machine, and runners need Linux: run it on a Linux machine, in a virtual machine or under WSL 2")
	// ErrUnexpected means that a job did not end as its workflow says.
	ErrUnexpected = errors.New("not every job ended as its workflow says")
	// ErrLeftover means that something was still there after the server had stopped.
	ErrLeftover = errors.New("something is left")
	errTimedOut = errors.New("not all jobs ended in time")
	// ErrStopped means that the reader ended the demo before all jobs had.
	ErrStopped = errors.New("stopped before all jobs had ended")
)

// summary is the report for programs.
type summary struct {
	OK                bool   `json:"ok"`
	Error             string `json:"error,omitempty"`
	Jobs              []row  `json:"jobs"`
	LeftProcesses     int    `json:"left_processes"`
	LeftRegistrations int    `json:"left_registrations"`
	Folder            string `json:"folder,omitempty"` // with Keep
}

// Interrupts are the reader's wishes: the first to end in order, the second to end at once.
type Interrupts struct{ First, Second <-chan struct{} }

// Run shows the product at work. It returns nil if every job ended as its workflow says and nothing was left behind.
func Run(ctx context.Context, o Options, wishes Interrupts) error {
	o = o.withDefaults()
	if runtime.GOOS != "linux" {
		return ErrNeedsLinux
	}
	if err := runner.AdoptOrphans(); err != nil {
		return fmt.Errorf("preparing to look for what is left: %w", err)
	}
	chosen, err := chooseWorkflows(o)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "runs-fleet-demo-")
	if err != nil {
		return fmt.Errorf("creating a folder for the demo: %w", err)
	}
	d := &demo{options: o, wishes: wishes, folder: folder, progress: newProgress(o), chosen: chosen}
	err = d.run(ctx)
	if o.Keep {
		d.summary.Folder = folder
		d.progress.say("\nThe server's data and logs are in %s", folder)
	} else if removed := os.RemoveAll(folder); removed != nil {
		err = errors.Join(err, fmt.Errorf("removing the demo's folder: %w", removed))
	}
	if o.JSON {
		err = errors.Join(err, d.report(err))
	}
	return err
}

type demo struct {
	options  Options
	wishes   Interrupts
	folder   string
	progress *progress
	chosen   []workflow

	gitHub  *gitHub
	fleet   fleet
	runs    []started
	rows    []row
	summary summary
}

func (d *demo) run(ctx context.Context) (err error) {
	if err := os.Chmod(d.folder, 0o755); err != nil { //nolint:gosec // jobs run as other users, who must reach the runner
		return fmt.Errorf("opening the demo's folder: %w", err)
	}
	if err := runner.Install(filepath.Join(d.folder, "runner")); err != nil {
		return fmt.Errorf("installing the demo's runner: %w", err)
	}
	if d.gitHub, err = startGitHub(ctx, d.options, d.folder); err != nil {
		return err
	}
	defer d.gitHub.close()
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-d.wishes.First:
			cancel(ErrStopped)
		case <-starting.Done():
		}
	}()
	if d.options.AWS {
		d.fleet, err = startReplicas(starting, d.options, d.gitHub, d.folder, d.progress.say)
	} else {
		d.fleet, err = startServer(starting, d.options, d.gitHub, d.folder)
	}
	if err != nil {
		return err
	}
	if !d.options.Poll {
		d.gitHub.deliverTo(d.fleet.address())
	}
	d.introduce()
	err = d.startRuns()
	if err == nil {
		err = d.watch(ctx)
	}
	d.progress.finish(d.rows)
	d.showLogs()
	if err == nil && !d.options.Once {
		if err = d.invite(ctx); err == nil {
			err = d.linger(ctx)
		}
	}
	return d.conclude(ctx, err)
}

func (d *demo) introduce() {
	finds, acts := "webhooks", "an App"
	if d.options.Poll {
		finds = "polling every " + d.options.PollInterval.String()
	}
	if d.options.Token {
		acts = "a person's token"
	}
	d.progress.say("Simulated GitHub  %s  repository %s", d.gitHub.url, fullName)
	d.progress.say("%s, by %s, as %s\n", strings.Join(d.fleet.describe(), "\n"), finds, acts)
}

func (d *demo) startRuns() error {
	for _, w := range d.chosen {
		run, err := d.gitHub.start(w)
		if err != nil {
			return err
		}
		d.runs = append(d.runs, started{workflow: w, run: run})
	}
	return nil
}

// watch shows the jobs until all have ended.
func (d *demo) watch(ctx context.Context) error {
	deadline := time.NewTimer(d.options.Timeout)
	defer deadline.Stop()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	cancelled := map[int64]bool{}
	for {
		now := time.Now()
		d.rows = observe(d.runs, d.gitHub.Jobs(0), d.gitHub.Reports(), now)
		d.progress.show(d.rows, now)
		if d.over(cancelled) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.wishes.First:
			return ErrStopped
		case <-d.fleet.ended():
			return d.fleet.unexpected()
		case <-deadline.C:
			return fmt.Errorf("%w (%s)", errTimedOut, d.options.Timeout)
		case <-tick.C:
		}
	}
}

// over tells whether all jobs have ended. A run whose jobs wait for nothing but a better label is cancelled, as its author
// would, since GitHub keeps it queued for a day.
func (d *demo) over(cancelled map[int64]bool) bool {
	all := len(d.rows) > 0
	for _, s := range d.runs {
		ended, stuck := true, false
		for _, r := range d.rows {
			if r.RunID == s.run.ID {
				ended = ended && (r.ended() || r.Status == "pending")
				stuck = stuck || r.ended() && r.Status != "completed"
			}
		}
		if ended && stuck && !cancelled[s.run.ID] {
			cancelled[s.run.ID] = true
			_ = d.gitHub.Cancel(s.run.ID) // it may have ended meanwhile
		}
		all = all && ended && !stuck
	}
	return all
}

// logLines is how much of the log of a job is shown that did not end as expected.
const logLines = 25

// showLogs shows the end of the log of each such job.
func (d *demo) showLogs() {
	for _, r := range d.rows {
		if !r.ended() || r.asExpected() || r.Runner == "" {
			continue
		}
		log, err := d.gitHub.Log(r.JobID)
		if err != nil {
			continue // it has none
		}
		lines := strings.Split(strings.TrimSpace(log), "\n")
		d.progress.say("\nThe log of %s / %s ends with:\n  %s", r.Workflow, r.Job, strings.Join(lines[max(len(lines)-logLines, 0):], "\n  "))
	}
}

// invite says where to look at what has happened, while the server goes on running.
func (d *demo) invite(ctx context.Context) error {
	data := d.fleet.data()
	address, err := loginURL(ctx, data)
	if err != nil {
		return err
	}
	d.progress.say("\nThe server goes on running. Its dashboard, at an address that works once:\n\n  %s\n\n"+
		"Another address:  runs-fleet login --data %s\nThe jobs:         runs-fleet jobs --data %s\nCtrl-C ends the demo.", address, data, data)
	return nil
}

// linger keeps everything up until the reader has seen enough.
func (d *demo) linger(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.wishes.First:
		return nil
	case <-d.fleet.ended():
		return d.fleet.unexpected()
	}
}

// conclude stops the server, looks for what is left, and says how all of it ended.
func (d *demo) conclude(ctx context.Context, err error) error {
	select {
	case <-d.fleet.ended():
		err = errors.Join(err, d.fleet.stop(ctx, closedChannel()))
	default:
		d.progress.say("\nStopping the server: running jobs may end. Ctrl-C ends them now.")
		err = errors.Join(err, d.fleet.stop(ctx, d.wishes.Second))
	}
	if errors.Is(err, ErrStopped) && len(d.runs) > 0 {
		d.rows = observe(d.runs, d.gitHub.Jobs(0), d.gitHub.Reports(), time.Now())
		d.progress.finish(d.rows)
	}
	d.look(ctx)
	if left := d.left(); left != "" {
		err = errors.Join(err, fmt.Errorf("%w after the server had stopped: %s", ErrLeftover, left))
	}
	if errors.Is(err, ErrStopped) {
		return err
	}
	for _, r := range d.rows {
		if !r.asExpected() {
			return errors.Join(err, ErrUnexpected)
		}
	}
	if err == nil {
		d.progress.say("Every job ended as its workflow says.")
	}
	return err
}

// left says what was left behind that should not have been, and tells the reader about the rest.
func (d *demo) left() string {
	busy := 0
	for _, r := range d.gitHub.Registrations() {
		if r.JobID != 0 {
			busy++
		}
	}
	switch {
	case d.summary.LeftProcesses+d.summary.LeftRegistrations == 0:
		d.progress.say("The server has stopped. Left behind: no process, no registration.")
		return ""
	case d.summary.LeftProcesses == 0 && busy == d.summary.LeftRegistrations && closed(d.wishes.Second):
		d.progress.say("The server has stopped. Left behind: no process. GitHub holds %d runners busy until it notices, after some "+
			"minutes, that their machines were killed with their jobs.", busy)
		return ""
	default:
		return fmt.Sprintf("%d processes and %d registrations", d.summary.LeftProcesses, d.summary.LeftRegistrations)
	}
}

func closed(wish <-chan struct{}) bool {
	select {
	case <-wish:
		return true
	default:
		return false
	}
}

// look counts what is still there. What ends within moments is not left behind.
func (d *demo) look(ctx context.Context) {
	deadline := time.Now().Add(settle)
	for {
		d.summary.LeftProcesses, d.summary.LeftRegistrations = runner.Descendants(), len(d.gitHub.Registrations())
		if d.summary.LeftProcesses+d.summary.LeftRegistrations == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return
		}
		runner.Reap()
		timer := time.NewTimer(watchEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (d *demo) report(err error) error {
	d.summary.OK, d.summary.Jobs = err == nil, d.rows
	if d.summary.Jobs == nil {
		d.summary.Jobs = []row{}
	}
	if err != nil {
		d.summary.Error = err.Error()
	}
	encoder := json.NewEncoder(d.options.Out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d.summary); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
