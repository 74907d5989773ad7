package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// busy is a world with a job of each kind.
func busy(t *testing.T) *webtest.World {
	t.Helper()
	w := webtest.New(t)
	working := webtest.Machine("m1", fleet.MachineWorking)
	working.Job = 3
	working.Diagnostics = "[2026-03-14 11:59:01Z INFO JobDispatcher] Running job: build\n"
	failed := webtest.Machine("m2", fleet.MachineFailed)
	failed.Code = "BootTimeout"
	w.SetConsole("m2", "no space left on device\n")
	w.PutMachines(t, working, webtest.Machine("m3", fleet.MachineStarting), failed)
	w.PutJobs(t,
		webtest.Job(1, nil),
		webtest.Job(2, func(j *fleet.Job) {
			j.Created, j.Labels = j.Created.Add(time.Second), []string{"runs-fleet/cpx=2"}
			j.Problem = &fleet.Problem{Title: "label error", Detail: `segment "cpx=2": unknown key; did you mean cpu=2?`}
		}),
		webtest.Job(3, webtest.Running(working)),
		webtest.Job(4, func(j *fleet.Job) {
			webtest.Ended("success")(j)
			j.Name = "build (linux, a very long name of a matrix leg that no terminal has room for)"
		}),
		webtest.Job(5, func(j *fleet.Job) {
			webtest.Ended("failure")(j)
			j.Name = "evil \x1b[31mred\x07\u202e"
			j.Created = j.Created.Add(-time.Minute)
		}),
		webtest.Job(7, func(j *fleet.Job) {
			webtest.Ended("failure")(j)
			j.Machine, j.Created = "default/eu-west-1/i-gone", j.Created.Add(-time.Hour)
		}),
		webtest.Job(6, func(j *fleet.Job) { j.State, j.Queued = fleet.JobWaiting, time.Time{} }),
	)
	w.SetMachineLog("i-gone", fleet.LogRunner, "[2026-03-14 11:59:01Z INFO Worker] Job request received\n")
	w.SetConsole("i-gone", "cloud-init: done\n")
	w.SetLog(4, "##[group]Run make\nall good\n")
	return w
}

func TestWhatCommandsPrint(t *testing.T) {
	w := busy(t)
	at := ofWorld(t, w)
	for name, args := range map[string]string{
		"jobs":                "jobs",
		"jobs-json":           "jobs list --state queued --output json",
		"jobs-limit":          "jobs --limit 2",
		"jobs-show":           "jobs show 3",
		"jobs-show-refused":   "jobs show 2",
		"jobs-show-json":      "jobs show 3 --output json",
		"jobs-show-old":       "jobs show 7", // whose machine's entry is no longer kept
		"jobs-why":            "jobs why github.com/1",
		"jobs-why-json":       "jobs why https://github.com/acme/app/actions/runs/7/job/1 -o json",
		"jobs-log":            "jobs log 4",
		"jobs-log-running":    "jobs log 3 -o json",
		"runners":             "runners",
		"runners-ended":       "runners list --ended",
		"runners-json":        "runners --output json",
		"runners-show-failed": "runners show default/local/m2",
		"status":              "status",
		"status-json":         "status -o json",
		"explain":             "explain runs-fleet=1/cpu=4/arch=arm64/family=c7g",
		"explain-json":        "explain runs-fleet/cpu=64/ram=512/family=r7i --output json",
		"help":                "--help",
		"help-jobs":           "jobs --help",
	} {
		t.Run(name, func(t *testing.T) {
			if code := at.run(strings.Fields(args)...); code != cli.ExitOK {
				t.Fatalf("exit code %d: %s", code, at.err.String())
			}
			golden(t, name, w.HTTP.URL, at.out.String())
			if strings.ContainsAny(at.out.String(), "\x1b\x07\u202e") {
				t.Error("a pipe gets control characters")
			}
		})
	}
}

func TestOnATerminalTablesHaveColoursAndFit(t *testing.T) {
	at := ofWorld(t, busy(t))
	at.env.Width, at.env.Color = 80, true
	if code := at.run("jobs"); code != cli.ExitOK {
		t.Fatal(at.err.String())
	}
	golden(t, "jobs-terminal", "", at.out.String())
	plain := strings.NewReplacer("\x1b[0m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[34m", "").Replace(at.out.String())
	for line := range strings.Lines(plain) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("a line of %d characters: %q", n, line)
		}
		if strings.ContainsRune(line, '\x1b') {
			t.Errorf("a job's name colours the terminal: %q", line)
		}
	}
}

func TestEverythingOfAnEmptyFleetIsSaidInWords(t *testing.T) {
	w := webtest.New(t)
	at := ofWorld(t, w)
	for _, args := range []string{"jobs", "runners", "runners --ended"} {
		if code := at.run(strings.Fields(args)...); code != cli.ExitOK || !strings.HasPrefix(at.out.String(), "No ") {
			t.Errorf("%s: code %d, %q", args, code, at.out.String())
		}
	}
	at.run("jobs", "--output", "json")
	if got := strings.Join(strings.Fields(at.out.String()), ""); got != `{"jobs":[]}` {
		t.Errorf("as JSON: %s", got)
	}
}

func TestAllJobsAreReadPageByPage(t *testing.T) {
	w := webtest.New(t)
	const jobs = 450 // more than two pages
	for i := range jobs {
		w.PutJobs(t, webtest.Job(int64(i+1), func(j *fleet.Job) { j.Created = j.Created.Add(time.Duration(i) * time.Second) }))
	}
	at := ofWorld(t, w)
	for args, want := range map[string]int{"jobs --all": jobs, "jobs --limit 205": 205, "jobs": 30} {
		if code := at.run(append(strings.Fields(args), "--output", "json")...); code != cli.ExitOK {
			t.Fatal(at.err.String())
		}
		var page struct{ Jobs []json.RawMessage }
		if err := json.Unmarshal(at.out.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Jobs) != want {
			t.Errorf("%s: %d jobs, want %d", args, len(page.Jobs), want)
		}
	}
}

func TestLoginPrintsAnAddressThatWorksOnce(t *testing.T) {
	w := webtest.New(t)
	at := ofWorld(t, w)
	at.run("login")
	first := at.out.String()
	at.run("login", "--output", "json")
	var l struct{ URL string }
	if err := json.Unmarshal(at.out.Bytes(), &l); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(first, w.HTTP.URL+"/login?token=") || l.URL == strings.TrimSpace(first) {
		t.Errorf("%q, then %q", first, l.URL)
	}
}

func TestDrainWaitsForTheLastMachine(t *testing.T) { // failure mode K4
	w := webtest.New(t)
	w.PutMachines(t, webtest.Machine("m1", fleet.MachineWorking), webtest.Machine("m2", fleet.MachineReady))
	at := ofWorld(t, w)
	if code := at.run("drain", "--no-wait"); code != cli.ExitOK || !strings.HasPrefix(at.out.String(), "Draining: 2 machines still live") {
		t.Errorf("code %d: %s%s", code, at.out.String(), at.err.String())
	}
	at.env.Width = 80
	at.env.Clock = sleeping{&webtest.Clock{}, func() { w.EndMachines(t) }}
	if code := at.run("drain"); code != cli.ExitOK || !strings.Contains(at.out.String(), "Drained: no machine lives") {
		t.Errorf("code %d: %s%s", code, at.out.String(), at.err.String())
	}
	if w.Drains.Load() != 2 {
		t.Errorf("the server was told %d times", w.Drains.Load())
	}
}

func TestDoctorSaysWhatToDoAndFailsOnAProblemOnly(t *testing.T) {
	at := newTerminal()
	at.env.Environ = []string{"RUNS_FLEET_GITHUB_TOKEN=x"}
	at.findings = []doctor.Finding{
		{Check: "platform", Level: doctor.OK, Detail: "linux/amd64"},
		{Check: "disk", Level: doctor.Warning, Detail: "2.0 GB are free", Remedy: "make room"},
	}
	if code := at.run("doctor", "--repository", "acme/app"); code != cli.ExitOK {
		t.Errorf("a warning makes it %d: %s", code, at.err.String())
	}
	golden(t, "doctor-warning", "", at.out.String())
	at.findings = append(at.findings, doctor.Finding{Check: "agent", Level: doctor.Problem, Detail: "there is none", Remedy: "install it"})
	if code := at.run("doctor", "--repository", "acme/app"); code != cli.ExitFailed || at.err.Len() != 0 {
		t.Errorf("a problem makes it %d: %s", code, at.err.String())
	}
	golden(t, "doctor-problem", "", at.out.String())
	if code := at.run("doctor", "--output", "json"); code != cli.ExitFailed {
		t.Errorf("%d", code)
	}
	golden(t, "doctor-json", "", at.out.String())
}
