// Command runs-fleet-simulate runs the control plane under a virtual clock for `runs-fleet simulate`, which starts it; people
// do not. It is a program of its own because the server must contain neither the package testing nor the simulated GitHub.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/runs-fleet/runs-fleet/internal/simulate"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

const usage = `runs-fleet-simulate is started by runs-fleet simulate, which says it what to simulate on its standard input:

  runs-fleet simulate --help
`

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Exit statuses: 1 the outcome could not be written, 2 wrong use.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// garbage lets the heap grow to six times what is in use before it is collected: the process is short-lived and allocates much.
const garbage = 500

func run(args []string, in io.Reader, out, problems io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "plan":
	case len(args) == 1 && (args[0] == "version" || args[0] == "--version"):
		_, _ = fmt.Fprintln(out, version.Current()) // there is no one to tell if it cannot be written
		return exitOK
	default:
		_, _ = fmt.Fprint(problems, usage) // as above
		return exitUsage
	}
	debug.SetGCPercent(garbage)
	if err := forecast.Answer(in, out, version.Current().Version, simulate.Forecast); err != nil {
		_, _ = fmt.Fprintf(problems, "runs-fleet-simulate: %v\n", err)
		return exitError
	}
	return exitOK
}
