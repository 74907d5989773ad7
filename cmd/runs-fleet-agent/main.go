// Command runs-fleet-agent runs on a machine that runs jobs. The control plane starts it; people do not.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

const usage = `runs-fleet-agent runs on a machine that runs jobs. It is started by the control plane:

  runs-fleet-agent boot     isolates the process, then becomes the agent (configuration at descriptor 3)
  runs-fleet-agent agent    supervises the runner (configuration at descriptor 3)
  runs-fleet-agent version  prints the version
`

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// Exit statuses: 0 the machine may go, 1 it never served, 2 wrong use.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func run(ctx context.Context, args []string, out, problems io.Writer) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	var err error
	switch command {
	case "boot":
		err = boot.Run()
	case "agent":
		err = supervise(ctx, problems)
	case "version", "--version":
		_, err = fmt.Fprintln(out, version.Current())
	case "help", "--help", "-h":
		_, err = fmt.Fprint(out, usage)
	default:
		_, _ = fmt.Fprint(problems, usage) // there is no one to tell if it cannot be written
		return exitUsage
	}
	if err != nil {
		_, _ = fmt.Fprintf(problems, "runs-fleet-agent: %v\n", err)
		return exitError
	}
	return exitOK
}
