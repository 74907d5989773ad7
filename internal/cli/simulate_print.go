package cli

import (
	"fmt"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// foretold is the answer of simulate as JSON.
type foretold struct {
	Workload    string        `json:"workload"`
	Seed        uint64        `json:"seed"`
	Fleets      []foretoldOne `json:"fleets"`
	Assumptions []string      `json:"assumptions"`
	Price       string        `json:"price,omitempty"`
}

// foretoldOne is one fleet and what became of the jobs on it.
type foretoldOne struct {
	Name          string          `json:"name"`
	MaxRunners    int             `json:"max_runners"`
	Boot          forecast.Spread `json:"boot"`
	PollSeconds   float64         `json:"poll_seconds"`
	Interruptions float64         `json:"interruptions_per_hour"`
	Faults        bool            `json:"faults"`
	Report        forecast.Report `json:"report"`
}

func (q question) answer(reports []forecast.Report) foretold {
	out := foretold{Workload: q.workload, Seed: q.seed, Assumptions: q.assumptions}
	if q.price.Known() {
		out.Price = q.price.Words()
	}
	for i, v := range q.variants {
		p := v.plan
		out.Fleets = append(out.Fleets, foretoldOne{v.name, p.MaxRunners, p.Boot, p.Poll.Seconds(), p.Interruptions, p.Faults, reports[i]})
	}
	return out
}

func (s *session) printForecast(q question, reports []forecast.Report) error {
	if err := s.print("%s\n\n", clean(q.workload)); err != nil {
		return err
	}
	sections := []section{waitSection(reports), labelSection(reports), jobsSection(), machineSection(reports), costSection(q)}
	if err := forecastTable(sections, q.variants, reports).write(s.env.Out, s.env.Width, s.env.Color); err != nil {
		return err
	}
	if err := s.print("\n"); err != nil {
		return err
	}
	for i, v := range q.variants {
		for _, sentence := range remarks(v, reports[i], len(q.variants) > 1) {
			if err := s.print("%s\n", sentence); err != nil {
				return err
			}
		}
	}
	if err := s.print("\n%s\n", paint("What this stands on", bold, s.env.Color)); err != nil {
		return err
	}
	for _, a := range q.assumptions {
		if err := s.print("- %s\n", clean(a)); err != nil {
			return err
		}
	}
	return s.print("- Chance has seed %d: the same command prints the same answer, and another --seed shows how much is chance.\n", q.seed)
}

// section is a part of the answer: a table with a column for each fleet.
type section struct {
	title string
	rows  []figure
}

// figure is a line of a section. A line that is empty for every fleet is left out.
type figure struct {
	name  string
	value func(forecast.Report) string
}

// forecastTable is all sections below each other, so that their columns are.
func forecastTable(sections []section, variants []variant, reports []forecast.Report) *table {
	t := &table{columns: []column{{flexible: true}}}
	for _, v := range variants {
		title := ""
		if len(variants) > 1 {
			title = v.name
		}
		t.columns = append(t.columns, column{title: title, right: true})
	}
	for _, part := range sections {
		rows := part.lines(reports)
		switch {
		case len(rows) == 0:
			continue
		case t.columns[0].title == "":
			t.columns[0].title = part.title
		default:
			t.add(make([]cell, len(t.columns))...)
			t.add(append([]cell{{part.title, dim}}, make([]cell, len(variants))...)...)
		}
		for _, row := range rows {
			t.add(row...)
		}
	}
	return t
}

func (p section) lines(reports []forecast.Report) [][]cell {
	var out [][]cell
	for _, f := range p.rows {
		row, some := []cell{text(f.name)}, false
		for _, r := range reports {
			value := f.value(r)
			some = some || value != ""
			row = append(row, text(value))
		}
		if some {
			out = append(out, row)
		}
	}
	return out
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func share(of float64) string {
	const whole = 100
	return fmt.Sprintf("%.0f %%", whole*of)
}

// jobsSection says what became of jobs that did not simply succeed.
func jobsSection() section {
	return section{"JOBS", []figure{
		{"succeeded", func(r forecast.Report) string { return allBut(r, fmt.Sprint(r.Succeeded)) }},
		{"failed: past their maximum, or their machine was lost", func(r forecast.Report) string { return count(r.Failed) }},
		{"never ran: GitHub cancels what is queued for 24 h", func(r forecast.Report) string { return count(r.NeverRan) }},
	}}
}

// allBut leaves out what goes without saying.
func allBut(r forecast.Report, value string) string {
	if r.Succeeded == r.Jobs {
		return ""
	}
	return value
}

// waitSection says how long jobs were queued, and for what.
func waitSection(reports []forecast.Report) section {
	out := section{"TIME IN THE QUEUE", []figure{
		{"half of the jobs, at most (p50)", func(r forecast.Report) string { return span(r.Wait.P50) }},
		{"nine of ten (p90)", func(r forecast.Report) string { return span(r.Wait.P90) }},
		{"99 of 100 (p99)", func(r forecast.Report) string { return span(r.Wait.P99) }},
		{"the longest", func(r forecast.Report) string { return span(r.Wait.Max) }},
		{"on average", func(r forecast.Report) string { return span(r.Wait.Mean) }},
	}}
	if limited(reports) {
		out.rows = append(out.rows, figure{"  for one of the runners to be over", func(r forecast.Report) string {
			if r.MaxRunners == 0 {
				return "-"
			}
			return span(r.Wait.Room)
		}})
	}
	out.rows = append(out.rows,
		figure{"  until a machine was ordered", func(r forecast.Report) string { return span(r.Wait.Order) }},
		figure{"  for the machine to boot", func(r forecast.Report) string { return span(r.Wait.Boot) }},
		figure{"  for the runner to get the job", func(r forecast.Report) string { return span(r.Wait.Start) }},
	)
	return out
}

// labelSection says how long jobs of each kind waited.
func labelSection(reports []forecast.Report) section {
	out := section{title: "BY LABELS (P50, P99)"}
	for _, g := range reports[0].Labels {
		out.rows = append(out.rows, figure{fmt.Sprintf("%s: %d jobs", g.Labels, g.Jobs), func(r forecast.Report) string {
			for _, other := range r.Labels {
				if other.Labels == g.Labels {
					return span(other.Wait.P50) + ", " + span(other.Wait.P99)
				}
			}
			return "-"
		}})
	}
	return out
}

// limited says whether any of the fleets has a limit.
func limited(reports []forecast.Report) bool {
	return slices.ContainsFunc(reports, func(r forecast.Report) bool { return r.MaxRunners > 0 })
}

func machineSection(reports []forecast.Report) section {
	without := ""
	if limited(reports) {
		without = "-"
	}
	return section{"MACHINES", []figure{
		{"ordered", func(r forecast.Report) string { return fmt.Sprint(r.Machines) }},
		{"  that never had a job", func(r forecast.Report) string { return count(r.WithoutJob) }},
		{"  that the provider took away", func(r forecast.Report) string { return count(r.Interruptions) }},
		{"most at a time", func(r forecast.Report) string {
			if r.MaxRunners == 0 {
				return fmt.Sprint(r.PeakMachines)
			}
			return fmt.Sprintf("%d of %d", r.PeakMachines, r.MaxRunners)
		}},
		{"all in use for", func(r forecast.Report) string {
			if r.MaxRunners == 0 {
				return without
			}
			return span(r.AtLimitSeconds)
		}},
		{"machine hours", func(r forecast.Report) string { return fmt.Sprintf("%.1f", r.MachineHours) }},
		{"  running jobs", func(r forecast.Report) string { return share(r.BusyShare) }},
		{"  booting", func(r forecast.Report) string { return share(r.BootShare) }},
		{"  idle: registering, waiting, going away", func(r forecast.Report) string { return share(r.IdleShare) }},
	}}
}

func costSection(q question) section {
	if !q.price.Known() {
		return section{}
	}
	title := "COST"
	if c := q.price.Currency(); c != "" {
		title += " (" + c + ")"
	}
	return section{title, []figure{
		{"of all machines", func(r forecast.Report) string { return fmt.Sprintf("%.2f", r.Cost) }},
		{"  while they ran no job", func(r forecast.Report) string { return fmt.Sprintf("%.2f", r.CostOfIdleHours) }},
		{"of a job", func(r forecast.Report) string { return fmt.Sprintf("%.4f", r.CostPerJob) }},
	}}
}

// remarks says what limited a fleet, in sentences.
func remarks(v variant, r forecast.Report, compared bool) []string {
	name := ""
	if compared {
		name = v.name + ": "
	}
	if r.MaxRunners == 0 {
		return []string{fmt.Sprintf("%sThere was no limit: %d machines at a time were enough for every job at once.", name, r.PeakMachines)}
	}
	if r.PeakMachines < r.MaxRunners {
		return []string{fmt.Sprintf("%sThe limit of %d runners was never reached.", name, r.MaxRunners)}
	}
	out := fmt.Sprintf("%sAll %d runners were in use for %s of %s", name, r.MaxRunners, span(r.AtLimitSeconds), span(r.SpanSeconds))
	const worth = 1 // second
	switch {
	case r.Wait.Room < worth:
		return []string{out + ", and hardly any job waited for one."}
	case compared:
		return []string{out + fmt.Sprintf("; jobs waited %s for one on average.", span(r.Wait.Room))}
	default:
		more := r.MaxRunners + max(1, r.MaxRunners*2/5) //nolint:mnd // two fifths more, which is worth a look
		return []string{out + fmt.Sprintf("; jobs waited %s for one on average. --compare max-runners=%d shows what more would bring.", span(r.Wait.Room), more)}
	}
}
