package demo

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes of the demo.
const (
	exitFailed = 1 // a job ended unexpectedly, something was left behind, or the demo could not run
	exitUsage  = 2 // the command line is wrong
	// exitStopped is what shells report for a program that Ctrl-C ended.
	exitStopped = 130
)

type usageError struct{ error }

// ExitCode is the exit code of the demo for an error of Run or of its command line.
func ExitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if errors.Is(err, ErrStopped) && !errors.Is(err, ErrLeftover) {
		return exitStopped
	}
	return exitFailed
}

// Command is the command line of the demo. Options hold what the process knows: where to write, and how wide that is.
func Command(o Options, wishes Interrupts) *cobra.Command {
	output, app := "table", false
	c := &cobra.Command{
		Use:   "runs-fleet-demo",
		Short: "Show runs-fleet at work, without GitHub and without a cloud",
		Long: `Show runs-fleet at work, without GitHub and without a cloud.

The demo simulates GitHub, starts "runs-fleet serve" against it in a process of its own, and lets workflows run for real on
the ephemeral runners that the server makes on this machine: by default those of examples/workflows. It shows each job, how
long it waited, on which runner it ran, and how it ended. When it is stopped it checks that no process and no registration
is left.

A workflow may say in comments how its jobs should end:  # expect: failure  for all, or  # expect deploy: skipped  for one
(success, failure, cancelled, skipped, label-error). Remote actions and containers are refused: the simulated runner fetches
no code.

Exit codes: 0 every job ended as its workflow says and nothing is left; 1 otherwise; 2 the command line is wrong;
130 Ctrl-C ended it before all jobs had ended.`,
		Example: `  runs-fleet-demo                             run the examples, then stay up until Ctrl-C
  runs-fleet-demo --once                      run the examples and end
  runs-fleet-demo --once --poll --token       without webhooks, with a personal token
  runs-fleet-demo --once --output json        for programs
  runs-fleet-demo --workflow my-workflow.yml  a workflow of your own
  runs-fleet-demo --once --jobs 50            a burst of 50 jobs
  runs-fleet-demo --once --aws                three servers on DynamoDB, SQS and S3 (make emulators fetches what emulates them)`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unexpected argument %q: name a workflow with --workflow", args[0])}
			}
			return nil
		},
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			switch output {
			case "table":
			case "json":
				o.JSON, o.Once = true, true
			default:
				return usageError{fmt.Errorf("--output is %q: it must be table or json", output)}
			}
			switch {
			case app && o.Token:
				return usageError{errors.New("--app and --token exclude each other")}
			case o.Jobs < 0:
				return usageError{errors.New("--jobs must not be negative")}
			}
			return Run(c.Context(), o, wishes)
		},
	}
	c.SetOut(o.Out)
	c.SetErr(o.Err)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Once, "once", o.Once, "end when all jobs have ended")
	f.StringVarP(&output, "output", "o", output, "table, or json for programs, which implies --once")
	f.StringArrayVar(&o.Workflows, "workflow", nil, "a workflow `file` to run instead of the examples (repeatable)")
	f.IntVar(&o.Jobs, "jobs", 0, "a burst of so many jobs, instead of the examples")
	f.BoolVar(&o.Poll, "poll", false, "send no webhooks: the server asks for jobs")
	f.BoolVar(&app, "app", false, "let the server act as a GitHub App (the default)")
	f.BoolVar(&o.Token, "token", false, "let the server act with a personal access token")
	f.BoolVar(&o.AWS, "aws", false, "three servers that share DynamoDB, SQS and S3, all emulated, instead of one with everything embedded")
	f.BoolVar(&o.Keep, "keep", false, "keep the folder with the server's data and logs")
	f.DurationVar(&o.Timeout, "timeout", o.withDefaults().Timeout, "how long the jobs may take in all")
	f.DurationVar(&o.BootDelay, "boot-delay", 0, "an artificial time that each machine takes to start")
	f.DurationVar(&o.PollInterval, "poll-interval", o.withDefaults().PollInterval, "with --poll, how often the server asks")
	f.IntVar(&o.MaxRunners, "max-runners", o.withDefaults().MaxRunners, "the most runners at a time")
	f.StringVar(&o.Isolation, "isolation", "", "none, where this machine cannot isolate jobs (default: the server's own)")
	f.StringVar(&o.ServerBinary, "server-binary", "", "the runs-fleet `program` (default: the one beside this program)")
	f.StringVar(&o.AgentBinary, "agent", "", "the runs-fleet-agent `program` (default: the one beside the server's)")
	return c
}
