package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// simulateFlags are the command's flags as they were given.
type simulateFlags struct {
	jobs          int
	over          string
	arrival       string
	duration      string
	labels        []string
	from          string
	config        string
	maxRunners    int
	boot          string
	poll          string
	interruptions float64
	faults        bool
	price         string
	compare       []string
	seed          uint64
}

// The defaults of a workload and a fleet of which nothing is said.
const (
	usualJobs     = 200
	usualOver     = "8h"
	usualDuration = "p50=4m,p95=20m"
	usualLabel    = "runs-fleet/cpu=2"
	// usualBoot is what Linux on EC2 takes from the order until it has network and runs a first program, as published
	// measurements have it.
	usualBoot = "20s..45s"
	// localBoot is what a process of this machine takes (docs/benchmarks.md, rounded up).
	localBoot = 100 * time.Millisecond
)

func (s *session) simulateCommand() *cobra.Command {
	var f simulateFlags
	c := &cobra.Command{
		Use:     "simulate",
		GroupID: groupHelp,
		Short:   "Foretell how long jobs would wait, and what their machines would cost",
		Long: "Foretell how long jobs would wait, how many machines would run and what they would cost. The server's own code serves the jobs\n" +
			"that you describe, or those of a file, under a virtual clock: a day takes seconds to a few minutes. Nothing is launched and\n" +
			"nobody is asked; it needs no server and no credential. The same command prints the same answer.\n\n" +
			"The workload: --jobs, --over, --arrival, --duration and --label, or --from. The fleet: --max-runners, --boot and --poll, or\n" +
			"--config, which takes the limit and the way to find jobs from a server's settings. docs/simulate.md explains the answer.",
		Example: "  runs-fleet simulate --jobs 500 --over 8h --duration 2m..20m --max-runners 20 --compare max-runners=28\n" +
			"  runs-fleet simulate --arrival office --over 24h --label 3:runs-fleet/cpu=2 --label runs-fleet/cpu=16 --price list\n" +
			"  runs-fleet jobs --all --output json > jobs.json; runs-fleet simulate --from jobs.json --max-runners 8",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return s.simulate(c, f) },
	}
	flags := c.Flags()
	flags.IntVar(&f.jobs, "jobs", usualJobs, "how many jobs there are")
	flags.StringVar(&f.over, "over", usualOver, "the time within which they are queued")
	flags.StringVar(&f.arrival, "arrival", forecast.Steady, "how they come: steady, bursts, bursts=50 (jobs in each, about), or office (by the hours of a working day that begins at 8:00)")
	flags.StringVar(&f.duration, "duration", usualDuration, "how long they run: 5m, 2m..20m, or a median and a 95th percentile, p50=4m,p95=20m")
	flags.StringArrayVar(&f.labels, "label", nil, "the labels of their runs-on, separated by commas; repeated for a mix, with weights: 3:runs-fleet/cpu=2 (default "+usualLabel+")")
	flags.StringVar(&f.from, "from", "", "a file of real jobs instead: what runs-fleet jobs --all --output json prints, or CSV with created,duration,labels")
	flags.IntVar(&f.maxRunners, "max-runners", 0, "the most runners at a time; 0 is no limit")
	flags.StringVar(&f.boot, "boot", "", "how long a machine boots, written like --duration (default "+usualBoot+", as Linux on EC2; with --config that of a process, 100ms)")
	flags.StringVar(&f.poll, "poll", "", "how often GitHub is asked for jobs (default: it tells of them by webhook)")
	flags.StringVar(&f.config, "config", "", "take --max-runners, --boot and --poll from a server's settings file, as runs-fleet serve reads it")
	flags.Float64Var(&f.interruptions, "interruptions", 0, "how many machines an hour the provider takes away, as it does with spot machines")
	flags.BoolVar(&f.faults, "faults", false, "let everything go wrong that can, far more often than on any real day")
	flags.StringVar(&f.price, "price", "", "what a machine costs an hour: 0.17, 0.0425/vcpu, or list for AWS's list prices (default: nothing, as your own machines)")
	flags.StringArrayVar(&f.compare, "compare", nil, "another fleet with the same jobs, beside the first: max-runners=28, boot=10s, poll=10s or interruptions=2 (repeatable)")
	flags.Uint64Var(&f.seed, "seed", 1, "the seed of everything that is left to chance")
	flags.SortFlags = false
	_ = c.RegisterFlagCompletionFunc("arrival", cobra.FixedCompletions(
		[]string{forecast.Steady, forecast.Bursts, forecast.Office}, cobra.ShellCompDirectiveNoFileComp)) // as in hasOutput
	s.hasOutput(c)
	return c
}

func (s *session) simulate(c *cobra.Command, f simulateFlags) error {
	asked, err := s.question(c, f)
	if err != nil {
		return err
	}
	reports, err := s.foretell(c.Context(), asked)
	if err != nil {
		return err
	}
	if s.json() {
		return s.printJSON(asked.answer(reports))
	}
	return s.printForecast(asked, reports)
}

// variant is one fleet that is simulated.
type variant struct {
	name string
	plan forecast.Plan
}

var errNoSimulator = errors.New("this build cannot simulate")

// foretell simulates all variants at once, and tells on a terminal how far they are.
func (s *session) foretell(ctx context.Context, q question) ([]forecast.Report, error) {
	if s.env.Forecast == nil {
		return nil, errNoSimulator
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := s.newMeter(len(q.variants) * len(q.variants[0].plan.Jobs))
	reports, failures := make([]forecast.Report, len(q.variants)), make([]error, len(q.variants))
	var all sync.WaitGroup
	for i, v := range q.variants {
		all.Go(func() {
			out, err := s.env.Forecast(ctx, v.plan, func(started int) { told.set(v.name, started) })
			if err == nil {
				reports[i], err = forecast.NewReport(v.plan, out, q.price)
			}
			if err != nil {
				failures[i] = fmt.Errorf("simulating %s: %w", v.name, err)
				cancel() // the others are for nothing
			}
		})
	}
	all.Wait()
	told.end()
	for _, err := range failures {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return reports, errors.Join(failures...)
}

// meter tells on a terminal how far simulations are.
type meter struct {
	s       *session
	jobs    int
	mu      sync.Mutex
	started map[string]int
}

func (s *session) newMeter(jobs int) *meter {
	return &meter{s: s, jobs: jobs, started: map[string]int{}}
}

func (m *meter) set(name string, started int) {
	if m.s.env.Width == 0 || m.s.json() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started[name] = started
	sum := 0
	for _, n := range m.started {
		sum += n
	}
	_, _ = fmt.Fprintf(m.s.env.Err, "\r%d of %d jobs are simulated", min(sum, m.jobs), m.jobs) // progress is no promise
}

func (m *meter) end() {
	if len(m.started) > 0 {
		_, _ = fmt.Fprintf(m.s.env.Err, "\r%s\r", strings.Repeat(" ", m.s.env.Width-1)) // as above
	}
}

func newPlan(seed uint64, jobs []forecast.Job) forecast.Plan {
	return forecast.Plan{Version: version.Current().Version, Seed: seed, Jobs: jobs}
}
