package runner

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Version is what the listener reports: a version of the official runner that GitHub still accepts.
const Version = "2.337.0"

const (
	listenerName = "Runner.Listener"
	workerName   = "Runner.Worker"
)

// Exit codes of the official listener.
const (
	exitDone       = 0 // the ephemeral job is done, or the registration was deleted while listening
	exitTerminal   = 1 // not configured, registration gone before the session: starting again cannot help
	exitRetryable  = 2 // ten network errors in a row
	exitConflict   = 5 // another session of the same runner stayed open
	exitDeprecated = 7 // only when asked for; else 1
)

// Main makes one binary the listener and the worker too: it looks at the name under which it was started and, if that is
// one of the runner's programs, runs it and returns its exit code. Otherwise handled is false and nothing has happened.
func Main(argv, env []string) (code int, handled bool) {
	if len(argv) == 0 {
		return 0, false
	}
	switch filepath.Base(argv[0]) {
	case listenerName:
		return listenerMain(argv[1:], env, os.Stdout), true
	case workerName:
		return workerMain(argv[1:], env), true
	default:
		return 0, false
	}
}

// listenerMain is the command line of Runner.Listener.
func listenerMain(args, env []string, out io.Writer) int {
	say := func(format string, values ...any) { _, _ = fmt.Fprintf(out, format+"\n", values...) }
	command, jit := "", ""
	for i := 0; i < len(args); i++ {
		switch name, value, inline := strings.Cut(args[i], "="); {
		case name == "--version":
			say("%s", Version)
			return exitDone
		case name == "--jitconfig" && inline:
			jit = value
		case name == "--jitconfig" && i+1 < len(args):
			i++
			jit = args[i]
		case name == "--once", name == "--startuptype" && inline:
			// Accepted as the original does: a JIT runner takes one job anyway.
		case command == "" && (name == "run" || name == "warmup"):
			command = name
		default:
			say("Unrecognized command-line input arguments: '%s'. For usage refer to: ./config.sh --help or ./run.sh --help", args[i])
			return exitTerminal
		}
	}
	switch command {
	case "warmup":
		return exitDone
	case "run":
		return runListener(jit, environment(env), out)
	default:
		say("Runner.Listener run [--jitconfig CONFIG] | warmup | --version")
		return exitTerminal
	}
}

// runListener prepares what the listener needs of the system, and runs it.
func runListener(jit string, env variables, out io.Writer) int {
	say := func(format string, values ...any) { _, _ = fmt.Fprintf(out, format+"\n", values...) }
	if err := adoptOrphans(); err != nil {
		say("An error occurred: %v", err)
		return exitTerminal
	}
	root, err := rootFolder(os.Args[0])
	if err != nil {
		say("An error occurred: %v", err)
		return exitTerminal
	}
	diag, err := openDiag(root, "Runner")
	if err != nil {
		say("An error occurred: %v", err)
		return exitTerminal
	}
	defer func() { _ = diag.Close() }()
	if jit == "" {
		jit = env["ACTIONS_RUNNER_INPUT_JITCONFIG"]
	}
	env.forget("ACTIONS_RUNNER_INPUT_")
	if err := env.load(filepath.Join(root, ".env")); err != nil {
		say("An error occurred: %v", err)
		return exitTerminal
	}
	if jit != "" {
		if err := configure(root, jit); err != nil {
			say("An error occurred: %v", err)
			return exitTerminal
		}
	}
	reg, err := readRegistration(root)
	if err != nil {
		say("An error occurred: %v. Run config.(sh/cmd) to configure the runner.", err)
		return exitTerminal
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	interrupted := onInterrupt(ctx)
	return newListener(root, reg, env, out, diag).run(ctx, interrupted)
}

// rootFolder is the folder above bin, found by the name under which the program was started, since the file itself may
// be a link to elsewhere.
func rootFolder(argv0 string) (string, error) {
	path, err := filepath.Abs(argv0)
	if err != nil {
		return "", fmt.Errorf("finding the runner's folder: %w", err)
	}
	if strings.ContainsRune(argv0, filepath.Separator) {
		return filepath.Dir(filepath.Dir(path)), nil
	}
	return os.Getwd()
}
