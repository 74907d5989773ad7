// Command faults runs three servers in real time while calls of AWS fail, and prints the figures of docs/reliability.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/endtoend/faultrun"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

var errViolated = errors.New("what must not be, was")

func run(ctx context.Context, args []string) error {
	o := faultrun.Defaults()
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.DurationVar(&o.For, "for", o.For, "how long faults strike")
	flags.DurationVar(&o.Rest, "rest", o.Rest, "how long everything may take to come to rest afterwards")
	flags.IntVar(&o.Jobs, "jobs", o.Jobs, "how many jobs are queued meanwhile")
	flags.Uint64Var(&o.Seed, "seed", seam.Crypto{}.Uint64(), "of what is left to chance")
	flags.Float64Var(&o.Real, "real", o.Real, "the part of machines that are processes of their own")
	flags.DurationVar(&o.KillEvery, "kill", o.KillEvery, "how often a server is killed")
	flags.StringVar(&o.Programs, "programs", "bin", "the folder with the programs")
	flags.StringVar(&o.Folder, "folder", "", "where data and logs go; a temporary folder that stays after a violation if it is empty")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // flag has told
	}
	clock := seam.System{}
	o.Progress = func(format string, args ...any) {
		fmt.Printf("%s  %s\n", clock.Now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
	}
	made := o.Folder == ""
	if made {
		folder, err := os.MkdirTemp("", "runs-fleet-faults-")
		if err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
		o.Folder = folder
		const readable = 0o755 // runners of other users start programs in it
		if err := os.Chmod(folder, readable); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
	}
	r, err := faultrun.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n%s", r.Markdown(), r.Details())
	if len(r.Violations) > 0 {
		return fmt.Errorf("%w: %d violations with seed %d; logs are in %s", errViolated, len(r.Violations), r.Seed, o.Folder)
	}
	if made {
		return os.RemoveAll(o.Folder)
	}
	return nil
}
