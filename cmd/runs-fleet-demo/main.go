// Command runs-fleet-demo shows runs-fleet at work without GitHub and without a cloud: it simulates GitHub, starts
// `runs-fleet serve` against it, and runs workflows for real on the runners that the server makes.
//
// It is also the runner that it uses: under the names Runner.Listener and Runner.Worker it is a stand-in for GitHub's.
package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/runs-fleet/runs-fleet/internal/demo"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/runner"
)

func main() {
	if code, handled := runner.Main(os.Args, os.Environ()); handled {
		os.Exit(code)
	}
	os.Exit(run(context.Background(), os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	options := demo.Options{Out: os.Stdout, Err: os.Stderr}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		options.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		if width, height, err := term.GetSize(fd); err == nil && os.Getenv("TERM") != "dumb" {
			options.Width, options.Height = width, height
		}
	}
	command := demo.Command(options, interrupts())
	command.SetArgs(args)
	if err := command.ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "runs-fleet-demo: %v\n", err)
		return demo.ExitCode(err)
	}
	return 0
}
