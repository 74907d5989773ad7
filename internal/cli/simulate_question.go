package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// question is what a command line of simulate asks.
type question struct {
	workload    string // in words
	seed        uint64
	variants    []variant // the fleet as given, and what it is compared with
	price       forecast.Price
	assumptions []string // what the answer stands on, each a sentence
}

// firstVariant is the name of the fleet that the flags describe.
const firstVariant = "as given"

// mostComparisons bounds the fleets beside the first: each is a column, and a process.
const mostComparisons = 4

func wrongFlag(name, value string, err error) error {
	return &usageError{fmt.Errorf("--%s %s: %w", name, value, err)}
}

// question reads the flags.
func (s *session) question(c *cobra.Command, f simulateFlags) (question, error) {
	q := question{seed: f.seed}
	for _, described := range []string{"jobs", "over", "arrival", "duration"} {
		if f.from != "" && c.Flags().Changed(described) {
			return question{}, &usageError{fmt.Errorf("--from and --%s: the jobs are either those of a file or described; give one of them", described)}
		}
	}
	jobs, err := s.workload(f, &q)
	if err != nil {
		return question{}, err
	}
	plan := newPlan(f.seed, jobs)
	if err := s.describeFleet(c, f, &plan, &q); err != nil {
		return question{}, err
	}
	q.variants = []variant{{firstVariant, plan}}
	if len(f.compare) > mostComparisons {
		return question{}, &usageError{fmt.Errorf("--compare is given %d times; the most are %d", len(f.compare), mostComparisons)}
	}
	for _, text := range f.compare {
		other := plan
		name, value, _ := strings.Cut(text, "=")
		if err := changeFleet(&other, strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return question{}, wrongFlag("compare", text, err)
		}
		q.variants = append(q.variants, variant{text, other})
	}
	if q.price, err = forecast.ParsePrice(f.price); err != nil {
		return question{}, wrongFlag("price", f.price, err)
	}
	if err := q.price.Covers(jobs); err != nil {
		return question{}, wrongFlag("price", f.price, err)
	}
	if q.price.Known() {
		q.assume("A machine costs %s, from its order to its end.", q.price.Words())
	} else {
		q.assume("Machines cost nothing, as your own do; --price says otherwise.")
	}
	return q, nil
}

func (q *question) assume(format string, args ...any) {
	q.assumptions = append(q.assumptions, fmt.Sprintf(format, args...))
}

// workload draws the jobs, or reads them.
func (s *session) workload(f simulateFlags, q *question) ([]forecast.Job, error) {
	var mix []forecast.Share
	for _, text := range f.labels {
		share, err := forecast.ParseShare(text)
		if err != nil {
			return nil, wrongFlag("label", text, err)
		}
		mix = append(mix, share)
	}
	if f.from != "" {
		return s.pastJobs(f, mix, q)
	}
	if f.jobs < 1 || f.jobs > forecast.MostJobs {
		return nil, &usageError{fmt.Errorf("--jobs %d: there are 1 to %d", f.jobs, forecast.MostJobs)}
	}
	w := forecast.Workload{Jobs: f.jobs, Mix: mix}
	var err error
	if w.Over, err = time.ParseDuration(f.over); err != nil || w.Over < time.Second || w.Over > forecast.LongestSpan {
		return nil, &usageError{fmt.Errorf("--over %s: it is a time such as 90m, 8h or 168h, at most two months", f.over)}
	}
	if w.Arrival, err = forecast.ParseArrival(f.arrival); err != nil {
		return nil, wrongFlag("arrival", f.arrival, err)
	}
	if w.Runs, err = forecast.ParseSpread(f.duration); err != nil {
		return nil, wrongFlag("duration", f.duration, err)
	}
	if len(w.Mix) == 0 {
		w.Mix = []forecast.Share{{Weight: 1, Labels: []string{usualLabel}}}
		q.assume("Every job says runs-on: %s; --label says otherwise.", usualLabel)
	}
	if f.duration == usualDuration {
		q.assume("Half of the jobs run for less than 4 minutes, and one in twenty for more than 20; --duration says otherwise.")
	}
	jobs := w.Draw(f.seed)
	q.workload = fmt.Sprintf("%d jobs within %s, %s; they run for %s, %s on average", len(jobs), view.Span(w.Over), w.Arrival, w.Runs, view.Span(average(jobs)))
	return jobs, nil
}

func (s *session) pastJobs(f simulateFlags, mix []forecast.Share, q *question) ([]forecast.Job, error) {
	var labels []string
	switch len(mix) {
	case 0:
	case 1:
		labels = mix[0].Labels
	default:
		return nil, &usageError{fmt.Errorf("--label is given %d times: with --from it is given once, for all jobs of the file", len(mix))}
	}
	data, err := s.env.ReadFile(f.from)
	if err != nil {
		return nil, wrongFlag("from", f.from, err)
	}
	past, err := forecast.ReadJobs(data, labels)
	if err != nil {
		return nil, wrongFlag("from", f.from, err)
	}
	q.workload = fmt.Sprintf("%d jobs of %s within %s; they run for %s on average", len(past.Jobs), f.from,
		view.Span(past.Jobs[len(past.Jobs)-1].At), view.Span(average(past.Jobs)))
	if past.LeftOut > 0 {
		q.assume("%d jobs of the file are left out: they have not ended, or never ran.", past.LeftOut)
	}
	return past.Jobs, nil
}

func average(jobs []forecast.Job) time.Duration {
	var sum time.Duration
	for _, j := range jobs {
		sum += j.Runs
	}
	return sum / time.Duration(len(jobs))
}

// describeFleet takes the fleet from the settings file, if one is given, and then from the flags.
func (s *session) describeFleet(c *cobra.Command, f simulateFlags, p *forecast.Plan, q *question) error {
	p.Boot, _ = forecast.ParseSpread(usualBoot) // the constant above
	boots := "as Linux on EC2 does; a process of your own machine needs 100ms"
	if f.config != "" {
		set, err := settings.Load(settings.Sources{
			File: f.config, ReadFile: s.env.ReadFile, Environ: s.env.Environ, Root: s.env.Root, HomeDir: s.env.HomeDir,
		})
		if err != nil {
			return err
		}
		p.MaxRunners, p.Boot = set.MaxRunners, forecast.Always(localBoot+set.BootDelay)
		if p.MaxRunners == 0 {
			p.MaxRunners = runtime.NumCPU()
			q.assume("The settings have no max_runners; this machine's number of CPUs, %d, is the limit.", p.MaxRunners)
		}
		if set.Polls() {
			p.Poll = set.PollInterval
		}
		boots = "as a process of the server's machine does"
	}
	for _, one := range []struct{ name, value string }{
		{"max-runners", strconv.Itoa(f.maxRunners)},
		{"boot", f.boot},
		{"poll", f.poll},
		{"interruptions", strconv.FormatFloat(f.interruptions, 'g', -1, 64)},
	} {
		if !c.Flags().Changed(one.name) {
			continue
		}
		if err := changeFleet(p, one.name, one.value); err != nil {
			return wrongFlag(one.name, one.value, err)
		}
	}
	p.Faults = f.faults
	q.assumeFleet(*p, boots, f.boot == "")
	return nil
}

func (q *question) assumeFleet(p forecast.Plan, boots string, assumed bool) {
	if assumed {
		q.assume("A machine boots in %s, %s; --boot says otherwise.", p.Boot, boots)
	} else {
		q.assume("A machine boots in %s.", p.Boot)
	}
	q.assume("A runner then needs half a second to 7 seconds to connect to GitHub and to get its job.")
	if p.Poll > 0 {
		q.assume("GitHub is asked for jobs every %s.", view.Span(p.Poll))
	} else {
		q.assume("GitHub tells of a job by webhook within 1.5 seconds; --poll says otherwise.")
	}
	switch {
	case p.Faults:
		q.assume("Everything goes wrong that can, far more often than on any real day.")
	case p.Interruptions > 0:
		q.assume("The provider takes %g machines away in an hour; their jobs fail at GitHub, and nobody runs them again.", p.Interruptions)
	default:
		q.assume("Nothing fails, and the provider has as many machines as are asked for; --interruptions and --faults say otherwise.")
	}
}

// The bounds of a fleet.
const (
	mostRunners       = 100_000
	mostInterruptions = 3600
	leastPoll         = time.Second
	mostPoll          = time.Hour
)

// changeFleet sets one figure of a fleet.
func changeFleet(p *forecast.Plan, name, value string) error {
	var err error
	switch name {
	case "max-runners":
		if p.MaxRunners, err = strconv.Atoi(value); err != nil || p.MaxRunners < 0 || p.MaxRunners > mostRunners {
			return fmt.Errorf("it is a number of runners, from 1 to %d, or 0 for no limit", mostRunners)
		}
	case "boot":
		if p.Boot, err = forecast.ParseSpread(value); err != nil {
			return fmt.Errorf("reading how long a machine boots: %w", err)
		}
	case "poll":
		if p.Poll, err = time.ParseDuration(value); err != nil || p.Poll < leastPoll || p.Poll > mostPoll {
			return errors.New("it is a time from 1s to 1h")
		}
	case "interruptions":
		if p.Interruptions, err = strconv.ParseFloat(value, 64); err != nil || !(p.Interruptions >= 0 && p.Interruptions <= mostInterruptions) {
			return fmt.Errorf("it is a number of machines an hour, from 0 to %d", mostInterruptions)
		}
	default:
		return errors.New("what can be compared is max-runners, boot, poll and interruptions, for example max-runners=28")
	}
	return nil
}
