package webtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// Scene fills a world with a fleet that has everything there is to see: jobs in every state, and machines of each.
func (w *World) Scene(t testing.TB) {
	t.Helper()
	w.explainBy((&controller.Controller{Config: controller.Config{Records: w.Records, Clock: w.Clock}}).Reasons)
	head := record.Head{Key: "shape1", Limit: "4 of 4 runners of the environment are in use", LimitSince: w.Clock.Now().Add(-11 * time.Second)}
	if err := w.Records.Commit(t.Context(), w.Records.PutHead(record.Kept[record.Head]{}, head)); err != nil {
		t.Fatal(err)
	}
	s := scene{now: w.Clock.Now()}
	w.PutMachines(t, s.working("i-0c41", 1, 41*time.Second), s.working("i-0c42", 2, 200*time.Second))
	w.PutMachines(t, s.starting("i-0c44"), s.ready("i-0c45"), s.failed("i-0c40"), s.gone("i-0b17", 11))
	w.PutJobs(t, s.running(1, "unit tests", "i-0c41", 41*time.Second), s.running(2, "integration (postgres, 16)", "i-0c42", 200*time.Second))
	w.PutJobs(t, s.queued(3, "build", 12*time.Second), s.queued(4, "package for arm64", 75*time.Second), s.refused(5), s.held(6))
	w.PutJobs(t, s.ended(11, "build", "success", "i-0b17", 64*time.Second))
	for i := range 24 {
		conclusion := []string{"success", "success", "failure", "success", "cancelled", "success", "skipped"}[i%7]
		w.PutJobs(t, s.ended(int64(12+i), []string{"lint", "build", "unit tests", "docs"}[i%4], conclusion, "", time.Duration(20+i*13%90)*time.Second))
	}
	w.SetLog(39_201_480_011, s.log())
	w.SetDead(
		controller.DeadLetter{
			Message: "5fea7756-0ea4-451a-a703-a558b933e274", Sent: s.ago(3 * time.Hour), Receives: 10,
			Job:    &fleet.Sighting{Job: 39_201_480_011, Repository: fleet.Repository{Host: Host, Owner: "acme", Name: "shop"}, Name: "build", State: fleet.JobQueued},
			Reason: record.Reason{Text: "a bug was met, see the server's log: index out of range [3] with length 3", At: s.ago(2 * time.Hour)},
		},
		controller.DeadLetter{Message: "27daac76-34dd-47df-bd01-1f6e873584a0", Sent: s.ago(time.Hour), Receives: 10},
	)
	w.SetConsole("i-0c40", "[    0.000000] Linux version 6.8.0\n[    2.114602] EXT4-fs (nvme0n1p1): mounted filesystem\n"+
		"[    4.902113] cloud-init[812]: no space left on device\n[    4.902119] runs-fleet-agent: the runner's folder cannot be made\n")
}

type scene struct{ now time.Time }

func (s scene) ago(d time.Duration) time.Time { return s.now.Add(-d) }

func (s scene) job(id int64, name string, since time.Duration) fleet.Job {
	return Job(id, func(j *fleet.Job) {
		j.ID.ID, j.Name, j.Run = 39_201_480_000+id, name, 14_220_001+id/4
		j.Repository.Owner, j.Repository.Name = "acme", []string{"shop", "billing", "mobile"}[id%3]
		j.Workflow, j.Branch = []string{"CI", "Release"}[id%2], []string{"main", "feature/checkout-redesign", "dependabot/go_modules/golang.org/x/net-0.48.0"}[id%3]
		j.HeadSHA, j.Shape, j.Environment = "8f2c1e07ab34cd5590e1f6a7b8c9d0e1f2a3b4c5", "shape1", fleet.DefaultEnvironment
		j.Labels = []string{fmt.Sprintf("runs-fleet=%d/cpu=4/ram=16", j.Run)}
		j.Created, j.Queued = s.ago(since+700*time.Millisecond), s.ago(since)
		j.History = fleet.History{}.Add(j.Queued, "queued", "Learned from GitHub's webhook that the job is queued.")
	})
}

func (s scene) queued(id int64, name string, since time.Duration) fleet.Job {
	j := s.job(id, name, since)
	j.Demand = "d"
	return j
}

func (s scene) refused(id int64) fleet.Job {
	j := s.job(id, "deploy preview", 5*time.Minute)
	j.Problem = &fleet.Problem{Title: "The label has an unknown key", Detail: `"cpus" is no key of a label; did you mean "cpu"?`, Reported: s.now}
	j.History = j.History.Add(j.Queued, "refused", j.Problem.Detail).Add(j.Queued.Add(time.Second), "reported", "The author was told on the commit.")
	return j
}

func (s scene) held(id int64) fleet.Job {
	j := s.job(id, "deploy to production", 26*time.Minute)
	j.State, j.Queued = fleet.JobWaiting, time.Time{}
	j.History = fleet.History{}.Add(s.ago(26*time.Minute), "waiting", "Learned from GitHub's webhook that the job waits for an approval or another run.")
	return j
}

func (s scene) running(id int64, name, machine string, ran time.Duration) fleet.Job {
	j := s.job(id, name, ran+9*time.Second)
	m := s.working(machine, id, ran)
	j.State, j.Started, j.Runner, j.Machine = fleet.JobInProgress, s.ago(ran), m.Newest().Name, m.ID.String()
	j.History = j.History.Add(j.Started, "in_progress", "GitHub gave the job to "+j.Runner+".")
	return j
}

func (s scene) ended(id int64, name, conclusion, machine string, ran time.Duration) fleet.Job {
	since := time.Duration(id)*95*time.Second + ran
	wait := time.Duration(4+id*7%23) * time.Second
	j := s.job(id, name, since+wait)
	j.State, j.Conclusion, j.Runner = fleet.JobCompleted, conclusion, fmt.Sprintf("rf-f1ee7000-%06d-1", id)
	j.Started, j.Ended = s.ago(since), s.ago(since-ran)
	if machine != "" {
		m := s.gone(machine, id)
		j.Machine, j.Runner = m.ID.String(), m.Newest().Name
		j.Created, j.Queued = m.Launched.Add(-2*time.Second), m.Launched.Add(-time.Second)
		j.Started, j.Ended = m.WorkerStarted, m.JobEnded
		j.History = fleet.History{}.Add(j.Queued, "queued", "Learned from GitHub's webhook that the job is queued.")
	}
	j.History = j.History.Add(j.Started, "in_progress", "GitHub gave the job to "+j.Runner+".")
	j.History = j.History.Add(j.Ended, "completed", "GitHub says that the job ended: "+conclusion+".")
	return j
}

// machine is one that was launched so long ago, with its first two lines.
func (s scene) machine(id string, since time.Duration) fleet.Machine {
	m := Machine(id, fleet.MachineStarting)
	m.Launched, m.Shape, m.Type, m.Market = s.ago(since), "shape1", "c7g.xlarge", fleet.Spot
	m.ID.Site.Region = "eu-west-1"
	m.Runners, m.History = nil, nil
	return m.To(fleet.MachineStarting, m.Launched, "Launched by l-5d20.")
}

func (s scene) starting(id string) fleet.Machine { return s.machine(id, 6*time.Second) }

func (s scene) ready(id string) fleet.Machine {
	m := s.machine(id, 20*time.Second)
	m.Ready = m.Launched.Add(5 * time.Second)
	m.History = m.History.Add(m.Launched.Add(3*time.Second), "agent: boot", "boot").Add(m.Ready, "agent: hello", "hello")
	return m.To(fleet.MachineReady, m.Ready, "Its agent reports, 5s after the launch.")
}

func (s scene) working(id string, job int64, ran time.Duration) fleet.Machine {
	m := s.ready(id)
	m.Launched, m.Ready, m.Assigned = s.ago(ran+8*time.Second), s.ago(ran+3200*time.Millisecond), s.ago(ran+3100*time.Millisecond)
	name := "rf-f1ee7000-" + strings.TrimPrefix(id, "i-") + "-1"
	m.Runners = []fleet.Runner{{Name: name, ID: job, Written: m.Assigned, HandedOut: s.ago(ran + 2600*time.Millisecond)}}
	m.Connected, m.WorkerStarted, m.Job = s.ago(ran+1200*time.Millisecond), s.ago(ran), 39_201_480_000+job
	m.History = fleet.History{}.Add(m.Launched, "starting", "Launched by l-5d20.").
		Add(m.Ready, "ready", "Its agent reports, 4.8s after the launch.").
		Add(m.Assigned, "assigned", "Assigned to jobs of acme/shop.").Add(m.Runners[0].HandedOut, "registered", "Registered at GitHub as "+name+".").
		Add(m.Runners[0].HandedOut.Add(200*time.Millisecond), "agent: folder ready", "overlay").
		Add(m.Connected, "agent: connected", "connected").Add(m.Connected, "listening", "Its runner "+name+" listens for jobs.")
	m.Diagnostics = fmt.Sprintf("[%s INFO Terminal] Listening for Jobs\n[%s INFO Terminal] Running job: unit tests\n", when(m.Connected), when(m.WorkerStarted))
	return m.To(fleet.MachineWorking, m.WorkerStarted, "Its worker has started.")
}

func (s scene) gone(id string, job int64) fleet.Machine {
	const ended = 9 * time.Minute
	m := s.working(id, job, ended+64*time.Second)
	m.JobEnded = s.ago(ended)
	m.Retire = &fleet.Retirement{Reason: "its job has ended", Since: m.JobEnded, Goodbye: true}
	m = m.To(fleet.MachineRetiring, m.JobEnded, "It is to end: its job has ended.")
	m.Ended = m.JobEnded.Add(2300 * time.Millisecond)
	m.Diagnostics = ""
	return m.To(fleet.MachineGone, m.Ended, "The provider has ended it.")
}

func (s scene) failed(id string) fleet.Machine {
	m := s.machine(id, 70*time.Second)
	m.Code, m.Ended = "BootTimeout", s.ago(8*time.Second)
	return m.To(fleet.MachineFailed, m.Ended, "It has not reported within its time.")
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// log is a job's log as GitHub gives it.
func (s scene) log() string {
	var b strings.Builder
	at := s.ago(10 * time.Minute)
	for _, line := range []string{
		"Current runner version: '2.331.0'", "##[group]Runner Image", "Image: runs-fleet", "##[endgroup]", "##[group]Run actions/checkout@v5",
		"with:", "  repository: acme/shop", "##[endgroup]", "Syncing repository: acme/shop", "##[command]/usr/bin/git version", "git version 2.43.0",
		"##[group]Run make test", "\x1b[36;1mmake test\x1b[0m", "shell: /usr/bin/bash -e {0}", "##[endgroup]", "ok  \tacme/shop/cart\t0.412s",
		"ok  \tacme/shop/checkout\t1.870s", "##[warning]acme/shop/search has no tests", "##[error]acme/shop/tax: TestRounding: 0.01 is missing",
		"Post job cleanup.",
	} {
		fmt.Fprintf(&b, "%s %s\r\n", at.UTC().Format("2006-01-02T15:04:05.0000000Z"), line)
		at = at.Add(1700 * time.Millisecond)
	}
	return b.String()
}
