package faultrun

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
)

// Markdown shows the report as docs/reliability.md has it.
func (r *Report) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	jobs := 0
	for _, n := range r.Outcomes {
		jobs += n
	}
	line("| | |\n|---|---|")
	line("| with faults, then until nothing was left | %s, %s |", r.Took.Round(time.Second), r.Rested.Round(time.Second))
	line("| jobs | %d |", jobs)
	for _, what := range slices.Sorted(maps.Keys(r.Outcomes)) {
		line("| of them: %s | %d |", what, r.Outcomes[what])
	}
	line("| from queued to in progress: 50 / 90 / 99 %%, longest | %s / %s / %s, %s |", quantile(r.Waits, 50), quantile(r.Waits, 90), quantile(r.Waits, 99), quantile(r.Waits, 100))
	line("| launches, and calls that repeated one | %d, %d |", r.Launches, r.Repeated)
	line("| machines, of them processes of their own | %d, %d |", r.Surplus.Machines, r.Real)
	share := 0.0
	if r.Surplus.Machines > 0 {
		share = 100 * float64(len(r.Surplus.Left)) / float64(r.Surplus.Machines)
	}
	line("| machines that never ran a job, of which section 9 does not count | %d, %d: a surplus of %.2f %% |", r.Surplus.Idle, r.Surplus.Idle-len(r.Surplus.Left), share)
	line("| violations | %d |", len(r.Violations))
	r.printKills(line)
	line("\n| done to | times |\n|---|---|")
	for _, what := range slices.Sorted(maps.Keys(r.Struck)) {
		line("| %s | %d |", what, r.Struck[what])
	}
	for _, what := range slices.Sorted(maps.Keys(r.Webhooks)) {
		line("| webhooks %s | %d |", what, r.Webhooks[what])
	}
	services := r.Calls.Services()
	line("\n| calls and their faults | %s |\n|---|%s", strings.Join(services, " | "), strings.Repeat("---|", len(services)))
	row := func(what string, n func(service string) int) {
		cells := make([]string, len(services))
		for i, s := range services {
			cells[i] = fmt.Sprint(n(s))
		}
		line("| %s | %s |", what, strings.Join(cells, " | "))
	}
	row("calls", r.Calls.CallsOf)
	row("calls for each job", func(s string) int { return (r.Calls.CallsOf(s) + jobs/2) / max(1, jobs) })
	for _, k := range awsfault.Kinds() {
		row(string(k), func(s string) int { return r.Calls.Faults[k][s] })
	}
	line("\n| machines that never ran a job, because | |\n|---|---|")
	for _, why := range slices.Sorted(maps.Keys(r.Surplus.By)) {
		line("| %s | %d |", why, r.Surplus.By[why])
	}
	line("| nothing | %d |", len(r.Surplus.Left))
	return b.String()
}

func (r *Report) printKills(line func(string, ...any)) {
	var taken, ready []time.Duration
	for _, k := range r.Kills {
		ready = append(ready, k.Ready)
		if len(k.Works) > 0 {
			taken = append(taken, k.Recovered)
		}
	}
	slices.Sort(taken)
	slices.Sort(ready)
	line("\n| after a server was killed | bound | times, 50 / 99 %%, longest |\n|---|---|---|")
	line("| until others have its periodic work | 30s | %d, %s / %s, %s |", len(taken), quantile(taken, 50), quantile(taken, 99), quantile(taken, 100))
	line("| from its next start until it is ready | | %d, %s / %s, %s |", len(ready), quantile(ready, 50), quantile(ready, 99), quantile(ready, 100))
}

// quantile is the smallest value that so many percent do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	const all = 100
	i := (len(sorted)*percent+all-1)/all - 1
	d := sorted[max(0, i)]
	if d < time.Minute {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// Details are what the tables leave out: what must not be, and the story of each server's death.
func (r *Report) Details() string {
	var b strings.Builder
	for _, v := range r.Violations {
		_, _ = fmt.Fprintln(&b, v)
	}
	for _, k := range r.Kills {
		_, _ = fmt.Fprintln(&b, k)
	}
	for _, left := range r.Surplus.Left {
		_, _ = fmt.Fprintln(&b, "never ran a job:", left)
	}
	for _, s := range r.Calls.Services() {
		for _, o := range r.Calls.Operations(s) {
			_, _ = fmt.Fprintf(&b, "%s %s %d\n", o.Service, o.Name, r.Calls.Calls[o])
		}
	}
	return b.String()
}
