package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/simulate"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

// What a job may cost: requests of DynamoDB and SQS together, and US dollars for a thousand jobs.
const (
	mostCalls   = 12
	mostDollars = 0.05
)

// callsLoad is one load whose calls are counted.
type callsLoad struct {
	name string
	load simulate.Load
	aims bool
}

// calls counts what the control plane asks of DynamoDB and SQS for each job, and what an idle fleet does. It runs the product's
// controller under the simulation's virtual clock, so that its figures are the same on every machine.
func calls(ctx context.Context, b *bench) error {
	jobs := 300
	if b.quick {
		jobs = 20
	}
	cold, err := forecast.ParseSpread("20s..40s")
	if err != nil {
		return fmt.Errorf("describing how machines boot: %w", err)
	}
	load := func(replicas int, apart time.Duration) simulate.Load {
		return simulate.Load{Seed: 1, Replicas: replicas, Jobs: jobs, Apart: apart, Runs: time.Minute, Boot: cold}
	}
	const idleFor = time.Hour
	for _, c := range []callsLoad{
		{"a busy hour: a job each second, 1 server", load(1, time.Second), true},
		{"a busy hour: a job each second, 3 servers", load(3, time.Second), true},
		{"10 jobs a minute, 1 server", load(1, 6*time.Second), true},
		{"10 jobs a minute, 3 servers", load(3, 6*time.Second), false},
		{"no jobs, 1 server", simulate.Load{Seed: 1, Replicas: 1, Idle: idleFor}, false},
		{"no jobs, 3 servers", simulate.Load{Seed: 1, Replicas: 3, Idle: idleFor}, false},
	} {
		if !b.wants(c.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("counting calls: %w", err)
		}
		b.say("calls: %s", c.name)
		w := &callsWatch{}
		took, err := simulate.Calls(c.load, w)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		w.tell(b, c, took)
	}
	return nil
}

// callsWatch counts calls by who made them.
type callsWatch struct {
	mu     sync.Mutex
	meters map[string]*dynamodb.Meter
	queues map[string]map[string]uint64
}

var _ simulate.Watch = (*callsWatch)(nil)

// Store implements simulate.Watch.
func (w *callsWatch) Store(asker string, s store.Store) store.Store {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.meters == nil {
		w.meters = map[string]*dynamodb.Meter{}
	}
	if w.meters[asker] == nil {
		w.meters[asker] = dynamodb.NewMeter(s)
	}
	return w.meters[asker]
}

// Queue implements simulate.Watch.
func (w *callsWatch) Queue(asker, operation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queues == nil {
		w.queues = map[string]map[string]uint64{}
	}
	if w.queues[asker] == nil {
		w.queues[asker] = map[string]uint64{}
	}
	w.queues[asker][operation]++
}

// counts sums up what one asker's calls came to, or all of them.
func (w *callsWatch) counts(only string) awsclient.Counts {
	out := awsclient.Counts{}
	add := func(o awsclient.Operation, c awsclient.Count) {
		sum := out[o]
		sum.Calls += c.Calls
		sum.ReadUnits += c.ReadUnits
		sum.WriteUnits += c.WriteUnits
		out[o] = sum
	}
	for asker, m := range w.meters {
		if only != "" && asker != only {
			continue
		}
		for operation, n := range m.Calls() {
			add(awsclient.Operation{Service: "DynamoDB", Name: operation}, awsclient.Count{Calls: n})
		}
		for _, c := range m.Consumed() {
			add(awsclient.Operation{Service: "DynamoDB"}, awsclient.Count{ReadUnits: c.ReadUnits, WriteUnits: c.WriteUnits})
		}
	}
	for asker, operations := range w.queues {
		if only != "" && asker != only {
			continue
		}
		for operation, n := range operations {
			add(awsclient.Operation{Service: "SQS", Name: operation}, awsclient.Count{Calls: n})
		}
	}
	return out
}

func (w *callsWatch) askers() []string {
	names := slices.Collect(maps.Keys(w.meters))
	for name := range w.queues {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// tell reports the figures of a load: for each job, or for a month of idleness.
func (w *callsWatch) tell(b *bench, c callsLoad, took time.Duration) {
	const month = 730 * time.Hour
	per, what := float64(c.load.Jobs), "a job"
	if c.load.Jobs == 0 {
		per, what = took.Hours(), "an hour"
	}
	all := w.counts("")
	var none, mostA, mostB aim
	if c.aims {
		mostA, mostB = atMost(mostCalls, "calls"), atMost(mostDollars, "USD")
	}
	add := func(text, unit string, value float64, a aim) {
		b.report.add(figure{Benchmark: "calls", Case: c.name, What: text, Unit: unit, Value: value}, a)
	}
	sum := all.Total()
	add("calls "+what, "calls", float64(sum.Calls)/per, mostA)
	for _, o := range all.Operations() {
		if n := all[o].Calls; n > 0 {
			add("of them "+o.Service+" "+o.Name, "calls", float64(n)/per, none)
		}
	}
	add("read units "+what, "units", sum.ReadUnits/per, none)
	add("write units "+what, "units", sum.WriteUnits/per, none)
	if c.load.Jobs > 0 {
		add("1,000 jobs at list prices", "USD", all.Dollars()/per*1000, mostB)
	} else {
		add("a month at list prices", "USD", all.Dollars()*month.Hours()/took.Hours(), none)
	}
	lines := make([]string, 0, len(w.meters))
	for _, asker := range w.askers() {
		n := w.counts(asker)
		t := n.Total()
		lines = append(lines, fmt.Sprintf("  %-18s %8s calls %8s read units %8s write units %10s USD for 1,000",
			asker, number(float64(t.Calls)/per), number(t.ReadUnits/per), number(t.WriteUnits/per), number(n.Dollars()/per*1000)))
	}
	b.report.note("calls: %s, %s, by who asked:\n%s", c.name, what, strings.Join(lines, "\n"))
	b.report.note("calls: %s, %s, by the kind of partition:\n%s", c.name, what, strings.Join(w.places(per), "\n"))
}

// places says what is read and written where.
func (w *callsWatch) places(per float64) []string {
	sums := map[string]dynamodb.Usage{}
	for _, m := range w.meters {
		for _, c := range m.Consumed() {
			name := c.Pattern()
			if c.Index != 0 {
				name = fmt.Sprintf("index %d %s", c.Index, name)
			}
			u := sums[name]
			u.Reads += c.Reads
			u.Writes += c.Writes
			u.ReadUnits += c.ReadUnits
			u.WriteUnits += c.WriteUnits
			sums[name] = u
		}
	}
	lines := make([]string, 0, len(sums))
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		u := sums[name]
		lines = append(lines, fmt.Sprintf("  %-18s %8s reads %8s read units %8s writes %8s write units", name,
			number(float64(u.Reads)/per), number(u.ReadUnits/per), number(float64(u.Writes)/per), number(u.WriteUnits/per)))
	}
	return lines
}
