package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/simulate"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// simulating is a terminal that simulates in this process, as runs-fleet-simulate does in its own.
func simulating(files map[string]string) *terminal {
	at := newTerminal()
	at.env.Forecast = func(_ context.Context, p forecast.Plan, started func(int)) (forecast.Outcome, error) {
		return simulate.Forecast(p, started)
	}
	missing := at.env.ReadFile
	at.env.ReadFile = func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return missing(path)
	}
	return at
}

// ok runs a command line that must succeed.
func (t *terminal) ok(tb testing.TB, line string) string {
	tb.Helper()
	if code := t.run(strings.Fields(line)...); code != cli.ExitOK {
		tb.Fatalf("%s: exit code %d, it says %s", line, code, t.err.String())
	}
	return t.out.String()
}

// byHand serves the jobs of a plan one after the other, each on the machine that is free first, and takes no time for anything
// but booting: what the answer looks like must not depend on how long the server takes.
func byHand(_ context.Context, p forecast.Plan, started func(int)) (forecast.Outcome, error) {
	out := forecast.Outcome{Faults: map[string]int{}}
	boot := 30 * time.Second
	free := make([]time.Duration, max(p.MaxRunners, 1))
	for i, j := range p.Jobs {
		ordered := j.At
		if p.MaxRunners > 0 {
			ordered = max(ordered, slices.Min(free))
		}
		m := forecast.Machine{Ordered: ordered, Booted: ordered + boot, Ended: ordered + boot + j.Runs, Busy: j.Runs, Ran: true, Market: fleet.Spot}
		resolved, err := label.Resolve(j.Labels, label.Fleet{})
		if err != nil {
			return out, err
		}
		m.Spec = resolved.Spec
		free[slices.Index(free, slices.Min(free))] = m.Ended
		conclusion := "success"
		if p.Interruptions > 0 && i == 1 {
			conclusion, out.Faults["spot-reclaim"] = "failure", 1
		}
		out.Machines = append(out.Machines, m)
		out.Jobs = append(out.Jobs, forecast.Served{Queued: j.At, Started: m.Booted, Ended: m.Ended, Ran: true, Conclusion: conclusion, Machine: i})
		out.Ended = max(out.Ended, m.Ended)
		started(i)
	}
	return out, nil
}

func TestSimulate(t *testing.T) {
	at := simulating(nil)
	at.env.Forecast = byHand
	const line = "simulate --jobs 40 --over 30m --duration 2m..8m --max-runners 5"
	golden(t, "simulate", "", at.ok(t, line))
	golden(t, "simulate-json", "", strings.ReplaceAll(at.ok(t, line+" --output json"), "development", "v1.2.3"))
	mixed := line + " --label 3:runs-fleet/cpu=2 --label runs-fleet/cpu=8/spot=false --price list --interruptions 2"
	golden(t, "simulate-compare", "", at.ok(t, mixed+" --compare max-runners=12 --compare max-runners=0"))
	golden(t, "simulate-options", "", at.ok(t, "simulate --arrival office --max-runners 60 --boot 1s --poll 10s --price 0.17 --faults"))
}

// TestSimulateRepeatsItself holds the command to its promise: the same command prints the same answer.
func TestSimulateRepeatsItself(t *testing.T) {
	at := simulating(nil)
	for _, line := range []string{
		"simulate --jobs 12 --over 10m --duration 1m..3m --arrival bursts=6 --max-runners 4 --compare boot=5s",
		"simulate --jobs 6 --over 5m --duration 1m --faults --output json",
	} {
		once := at.ok(t, line)
		if diff := cmp.Diff(once, at.ok(t, line)); diff != "" {
			t.Errorf("%s prints something else the second time: %s", line, diff)
		}
		if other := at.ok(t, line+" --seed 2"); other == once {
			t.Errorf("%s prints the same with another seed", line)
		}
	}
}

// told is what these tests read of the answer as JSON.
type told struct {
	Workload string `json:"workload"`
	Fleets   []struct {
		Name        string          `json:"name"`
		MaxRunners  int             `json:"max_runners"`
		Boot        string          `json:"boot"`
		PollSeconds float64         `json:"poll_seconds"`
		Report      forecast.Report `json:"report"`
	} `json:"fleets"`
	Assumptions []string `json:"assumptions"`
}

func (t *terminal) told(tb testing.TB, line string) told {
	tb.Helper()
	var out told
	if err := json.Unmarshal([]byte(t.ok(tb, line+" --output json")), &out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestSimulateTheFleetOfASettingsFile(t *testing.T) {
	at := simulating(map[string]string{
		"settings.yml": "repository: [octo-org/octo-repo]\nmax_runners: 3\npoll_interval: 20s\n",
		"hooks.yml":    "repository: [octo-org/octo-repo]\nwebhook_secret_file: secret\n",
		"secret":       "it is a secret, and long enough",
	})
	const line = "simulate --jobs 6 --over 1m --duration 1m --config "
	f := at.told(t, line+"settings.yml").Fleets[0]
	if f.MaxRunners != 3 || f.PollSeconds != 20 || f.Boot != "100ms" || f.Report.PeakMachines != 3 {
		t.Errorf("with max_runners 3 and a poll every 20 s: %+v", f)
	}
	f = at.told(t, line+"settings.yml --max-runners 2 --boot 3s --poll 1m").Fleets[0]
	if f.MaxRunners != 2 || f.PollSeconds != 60 || f.Boot != "3s" {
		t.Errorf("flags rank above settings: %+v", f)
	}
	answer := at.told(t, line+"hooks.yml")
	if f := answer.Fleets[0]; f.MaxRunners < 1 || f.PollSeconds != 0 {
		t.Errorf("with a webhook and no limit: %+v", f)
	}
	if !strings.Contains(strings.Join(answer.Assumptions, "\n"), "number of CPUs") {
		t.Errorf("nothing says where the limit comes from: %v", answer.Assumptions)
	}
}

func TestSimulateJobsOfAFile(t *testing.T) {
	at := simulating(map[string]string{
		"jobs.json": `{"jobs": [{"labels": ["runs-fleet=77/cpu=4"], "created": "2026-03-02T09:00:00Z", "ended": "2026-03-02T09:05:00Z", "ran_seconds": 120},
			{"labels": ["runs-fleet=77/cpu=4"], "created": "2026-03-02T09:00:01Z", "ended": "2026-03-02T09:05:00Z", "ran_seconds": 60},
			{"labels": ["runs-fleet"], "created": "2026-03-02T09:00:01Z"}]}`,
		"jobs.csv": "created,duration,labels\n2026-03-02T09:00:00Z,120,ubuntu-latest\n",
	})
	answer := at.told(t, "simulate --from jobs.json --boot 10s")
	if r := answer.Fleets[0].Report; r.Jobs != 2 || r.Succeeded != 2 || r.Machines != 2 || !strings.Contains(strings.Join(answer.Assumptions, "\n"), "1 jobs of the file are left out") {
		t.Errorf("%+v", answer)
	}
	if r := at.told(t, "simulate --from jobs.csv --label runs-fleet/cpu=2").Fleets[0].Report; r.Succeeded != 1 {
		t.Errorf("with other labels: %+v", r)
	}
	if code := at.run("simulate", "--from", "jobs.csv"); code != cli.ExitUsage || !strings.Contains(at.err.String(), "--label gives all jobs of the file other labels") {
		t.Errorf("exit code %d, it says %s", code, at.err.String())
	}
}

func TestSimulateTellsHowFarItIs(t *testing.T) {
	at := simulating(nil)
	at.env.Width = 80
	at.ok(t, "simulate --jobs 20 --over 2m --duration 30s")
	if said := at.err.String(); !strings.Contains(said, "of 20 jobs are simulated") || !strings.HasSuffix(said, " \r") {
		t.Errorf("it says %q", said)
	}
	if at.ok(t, "simulate --jobs 20 --over 2m --duration 30s --output json"); at.err.Len() > 0 {
		t.Errorf("to a program it says %q", at.err.String())
	}
}

func TestSimulateRefuses(t *testing.T) {
	files := map[string]string{"wrong.yml": "max_runner: 3\n", "empty.json": `{"jobs": []}`}
	for line, says := range map[string]string{
		"--jobs 0":                   "--jobs 0: there are 1 to 100000",
		"--over soon":                "it is a time such as 90m",
		"--over 0s":                  "it is a time such as 90m",
		"--arrival sometimes":        "it is steady, bursts",
		"--duration 5":               "it is a duration such as 90s",
		"--boot 9s..2s":              "write 2s..9s",
		"--label ubuntu-latest":      "the fleet leaves such jobs alone",
		"--label runs-fleet/cpx=2":   "did you mean cpu=2?",
		"--label x:runs-fleet":       "is no weight",
		"--price dear":               "it is 0.17 for an hour",
		"--compare cpu=3":            "what can be compared is max-runners",
		"--compare max-runners=many": "it is a number of runners",
		"--max-runners -1":           "it is a number of runners",
		"--poll 1ms":                 "it is a time from 1s to 1h",
		"--interruptions -1":         "it is a number of machines an hour",
		"--from nothing.json":        "file does not exist",
		"--from empty.json":          "no job that has ended",
		"--from empty.json --jobs 3": "give one of them",
		"--from x --label runs-fleet --label runs-fleet/cpu=4": "with --from it is given once",
		"--config wrong.yml": "did you mean max_runners?",
		"--label runs-fleet/arch=amd64/family=c7g --price list":                                     "its architecture is arm64",
		"--compare boot=1s --compare boot=2s --compare boot=3s --compare boot=4s --compare boot=5s": "the most are 4",
	} {
		at := simulating(files)
		code := at.run(strings.Fields("simulate " + line)...)
		if code != cli.ExitUsage || !strings.Contains(at.err.String(), says) || at.out.Len() > 0 {
			t.Errorf("%s: exit code %d, it says %q, want %q", line, code, at.err.String(), says)
		}
	}
}

func TestSimulateWithoutAnAnswer(t *testing.T) {
	at := simulating(nil)
	at.env.Forecast = func(_ context.Context, p forecast.Plan, _ func(int)) (forecast.Outcome, error) {
		if p.MaxRunners == 7 {
			return forecast.Outcome{}, errors.New("the simulator is not there")
		}
		return forecast.Outcome{}, context.Canceled
	}
	if code := at.run("simulate", "--compare", "max-runners=7"); code != cli.ExitFailed || !strings.Contains(at.err.String(), "max-runners=7: the simulator is not there") {
		t.Errorf("exit code %d, it says %s", code, at.err.String())
	}
	at.env.Forecast = nil
	if code := at.run("simulate"); code != cli.ExitFailed || !strings.Contains(at.err.String(), "cannot simulate") {
		t.Errorf("exit code %d, it says %s", code, at.err.String())
	}
}

// TestDocumentedForecast runs the example of docs/simulate.md and compares what it prints with what stands there: the words
// must be the same, and the figures near, since any change of the server moves them a little. With -update they are written.
func TestDocumentedForecast(t *testing.T) {
	const path = "../../docs/simulate.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile("(?s)^(.*?```sh\nruns-fleet ([^\n]+)\n```\n\n```\n)(.*?)(```\n.*)$").FindStringSubmatch(string(page))
	if parts == nil {
		t.Fatal("docs/simulate.md has no example: a block of sh with one command, and then what it prints")
	}
	got := simulating(nil).ok(t, parts[2])
	if *update {
		if err := os.WriteFile(path, []byte(parts[1]+got+parts[4]), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	wantWords, wantFigures := wordsAndFigures(parts[3])
	gotWords, gotFigures := wordsAndFigures(got)
	if diff := cmp.Diff(wantWords, gotWords); diff != "" {
		t.Fatalf("docs/simulate.md shows something else (go test ./internal/cli -update writes it anew): %s", diff)
	}
	for i, want := range wantFigures {
		if near := max(0.4*want, 5); gotFigures[i] < want-near || gotFigures[i] > want+near {
			t.Errorf("docs/simulate.md has %g where it is %g now, after %q (go test ./internal/cli -update writes it anew)", want, gotFigures[i], gotWords[i])
		}
	}
}

// wordsAndFigures divides a text at its numbers and durations, which are in seconds. Spaces do not count.
func wordsAndFigures(text string) (words []string, figures []float64) {
	figure := regexp.MustCompile(`(\d+ h )?(\d+ m )?\d+(\.\d+)? s\b|\d+ h \d+ m\b|\d+(\.\d+)?`)
	text = strings.Join(strings.Fields(text), " ")
	end := 0
	for _, at := range figure.FindAllStringIndex(text, -1) {
		words, end = append(words, text[end:at[0]]), at[1]
		number := strings.ReplaceAll(text[at[0]:at[1]], " ", "")
		if d, err := time.ParseDuration(number); err == nil {
			figures = append(figures, d.Seconds())
		} else if n, err := strconv.ParseFloat(number, 64); err == nil {
			figures = append(figures, n)
		}
	}
	return append(words, text[end:]), figures
}
