// Command bench measures runs-fleet beside the limits of the machine it runs on, in the same run: figures from another
// machine, or from another minute of a busy one, say little. docs/benchmarks.md explains each benchmark and has figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/heap"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const usage = `go run ./bench [BENCHMARK...] [--output table|json] [--case TEXT] [--quick]

Benchmarks (all of them by default):
  ingest     durable webhook deliveries a second, beside a bare handler that signs, parses and syncs
  ingest-sqs the same with the queue on a stand-in for SQS, beside a bare handler that sends to it in batches
  burst      from an accepted delivery to the start of the launch call, for bursts of jobs
  memory     a server's memory with many open jobs
  reconcile  the cost of one decision as the queue and the fleet grow
  agent      from an agent's start to its listener's
  calls      what a job asks of DynamoDB and SQS, and what that costs
  sizes      of the programs

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitUsage)
	default:
		_, _ = fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(exitError)
	}
}

const (
	exitError = 1
	exitUsage = 2
)

// bench is what every benchmark is given.
type bench struct {
	clock    seam.Clock
	random   seam.Random
	quick    bool // small sizes: shows that everything works, not how fast
	report   *report
	progress io.Writer
	only     string // measure only cases whose name contains it
}

// wants says whether a case is to be measured.
func (b *bench) wants(name string) bool { return strings.Contains(name, b.only) }

// say tells a waiting person what is being measured.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, format+"\n", args...)
}

// benchmark is one subcommand.
type benchmark struct {
	name string
	run  func(context.Context, *bench) error
}

func benchmarks() []benchmark {
	return []benchmark{
		{"ingest", ingest},
		{"ingest-sqs", ingestSQS},
		{"burst", bursts},
		{"memory", memory},
		{"reconcile", reconcile},
		{"agent", agentStart},
		{"calls", calls},
		{"sizes", sizes},
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, progress io.Writer) error {
	heap.Configure(os.Getenv)                       // for all that is measured, in this process and in others, as in a server
	if len(args) > 0 && args[0] == processCommand { // this program as one of the measured processes
		return process(ctx, args[1:], in, out)
	}
	var output string
	b := &bench{clock: seam.System{}, random: seam.Crypto{}, progress: progress}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&output, "output", "table", "`form` of the report: table or json")
	flags.BoolVar(&b.quick, "quick", false, "small sizes: shows that everything works, not how fast")
	flags.StringVar(&b.only, "case", "", "measure only cases whose name contains `TEXT`, such as \"64 conns\"")
	flags.Usage = func() {
		_, _ = fmt.Fprint(progress, usage)
		flags.PrintDefaults()
	}
	names, err := interspersed(flags, args)
	if err != nil {
		return err
	}
	if output != "table" && output != "json" {
		return fmt.Errorf("--output %s is not known: use table or json", output)
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	b.report = newReport(b.clock.Now(), b.quick)
	for _, c := range chosen {
		if err := c.run(ctx, b); err != nil {
			return fmt.Errorf("benchmark %s: %w", c.name, err)
		}
	}
	b.report.end(b.clock.Now())
	if output == "json" {
		return b.report.json(out)
	}
	return b.report.table(out)
}

// interspersed parses flags before, between and after names.
func interspersed(flags *flag.FlagSet, args []string) ([]string, error) {
	var names []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err //nolint:wrapcheck // flag has told the person already
		}
		if flags.NArg() == 0 {
			return names, nil
		}
		names = append(names, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

func choose(names []string) ([]benchmark, error) {
	all := benchmarks()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []benchmark
	for _, name := range names {
		i := slices.IndexFunc(all, func(b benchmark) bool { return b.name == name })
		if i < 0 {
			known := make([]string, len(all))
			for i, b := range all {
				known[i] = b.name
			}
			return nil, fmt.Errorf("no benchmark is called %q: there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
