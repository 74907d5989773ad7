// Package cli is the command line: what commands there are, what they print and with which code they exit. Commands about a
// fleet are clients of the REST API; none opens the store.
package cli

//go:generate go run ./gendocs ../../docs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

// Env is the process that a command runs in, so that a test needs none.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	// ReadSecret reads a line from the terminal without showing it; nil when In is no terminal.
	ReadSecret func() (string, error)
	Environ    []string
	ReadFile   func(string) ([]byte, error)
	Root       bool
	HomeDir    string
	// Width is that of the terminal that Out is, 0 if it is none.
	Width int
	// Color says whether Out may be coloured.
	Color  bool
	Clock  seam.Clock
	Random seam.Random
	// Forecast simulates a plan, and tells from time to time how many of its jobs have begun to run.
	Forecast func(context.Context, forecast.Plan, func(int)) (forecast.Outcome, error)
	// Serve runs the server until it has been told to stop, ServeHost a host. Examine looks at everything that a server needs.
	Serve     func(context.Context, settings.Settings) error
	ServeHost func(context.Context, settings.Settings) error
	Examine   func(context.Context, settings.Settings) []doctor.Finding
	// Stores opens the store for the commands that move and copy it.
	Stores Stores
	// Deploy makes the tables and queues that the settings name, and says of each what it is.
	Deploy func(context.Context, settings.Settings) ([]string, error)
}

// The exit codes, which docs/command-line.md lists.
const (
	ExitOK       = 0
	ExitFailed   = 1 // the command could not do what it was told, or doctor found a problem
	ExitUsage    = 2 // the command line or the settings are wrong
	ExitNoServer = 3 // no server is running, or it cannot be reached
	ExitNotFound = 4 // there is no such job or machine
	ExitRefused  = 5 // the server does not accept the login
)

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// silentError is a failure that has been reported already.
type silentError struct{}

func (silentError) Error() string { return "reported already" }

// Run runs a command line and returns its exit code.
func Run(ctx context.Context, args []string, env Env) int {
	root := New(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	if _, ok := errors.AsType[silentError](err); !ok {
		_, _ = fmt.Fprintf(env.Err, "runs-fleet: %s\n", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var usage *usageError
	var setting *settings.Error
	switch {
	case errors.As(err, &usage), errors.As(err, &setting):
		return ExitUsage
	case errors.Is(err, client.ErrNoServer):
		return ExitNoServer
	case client.IsNotFound(err):
		return ExitNotFound
	case client.IsRefused(err):
		return ExitRefused
	default:
		return ExitFailed
	}
}

// New builds the tree of commands.
func New(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "runs-fleet",
		Short: "Ephemeral GitHub Actions runners",
		Long: "runs-fleet turns queued GitHub Actions jobs into ephemeral self-hosted runners, and makes them disappear afterwards.\n\n" +
			"Run a server with runs-fleet serve; the other commands ask it. A workflow uses the fleet by saying runs-on: runs-fleet.",
		Example: "  export RUNS_FLEET_GITHUB_TOKEN=github_pat_...\n" +
			"  runs-fleet serve --repository octo-org/octo-repo\n" +
			"  runs-fleet jobs",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; %s --help shows what there is", err, c.CommandPath())}
	})
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Run a fleet:"}, &cobra.Group{ID: groupAsk, Title: "Ask a running fleet:"},
		&cobra.Group{ID: groupHelp, Title: "Help and checks:"})
	root.SetHelpCommandGroupID(groupHelp)
	root.SetCompletionCommandGroupID(groupHelp)
	s := &session{env: env}
	root.AddCommand(
		s.serveCommand(), s.hostCommand(), s.deployCommand(), s.storeCommand(), s.gitHubCommand(), s.doctorCommand(), s.explainCommand(), s.validateCommand(),
		s.jobsCommand(), s.runnersCommand(), s.queueCommand(), s.statusCommand(),
		s.drainCommand(), s.loginCommand(), s.simulateCommand(), s.versionCommand(),
	)
	return root
}

// knownCommand refuses what is no command. Without it the library would, with an error that cannot be told from others.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	} else {
		text += "; " + root.CommandPath() + " --help lists them"
	}
	return &usageError{errors.New(text)}
}

const (
	groupRun  = "run"
	groupAsk  = "ask"
	groupHelp = "help"
)

// session is what the commands of one run share.
type session struct {
	env    Env
	output string // "table" or "json"
	server string
	data   string
}

// exactly wants n arguments and says which.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return &usageError{fmt.Errorf("%s needs %s; see %s --help", c.CommandPath(), names[len(args)], c.CommandPath())}
		case len(args) > len(names):
			return &usageError{fmt.Errorf("%s does not take %q; see %s --help", c.CommandPath(), args[len(names)], c.CommandPath())}
		default:
			return nil
		}
	}
}
