package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	maxErrors       = 10               // network errors in a row after which the listener gives up with exit code 2
	conflictPause   = 30 * time.Second // between tries to open a session that another one blocks
	conflictTries   = 8                // together 4 minutes, as the official runner
	backOffSteps    = 5                // errors with the short pause; later ones get the long pause
	shortPause      = 15 * time.Second // to twice as much
	longPause       = 30 * time.Second // to twice as much
	goodbyeDeadline = 5 * time.Second  // for closing the session
)

// listener is one run of Runner.Listener, for one registration.
type listener struct {
	root   string
	reg    Registration
	env    variables
	out    io.Writer
	diag   *diag
	broker *broker
	pause  func(context.Context, time.Duration) error
}

func newListener(root string, reg Registration, env variables, out io.Writer, log *diag) *listener {
	return &listener{
		root: root, reg: reg, env: env, out: out, diag: log,
		broker: &broker{http: &http.Client{Transport: http.DefaultTransport}, reg: reg},
		pause:  pause,
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errInterrupted is the cause with which waiting ends at a SIGINT.
var errInterrupted = errors.New("interrupted")

// run is the life of the listener: session, one job, goodbye. It returns the process's exit code.
func (l *listener) run(ctx context.Context, interrupted <-chan struct{}) int {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-interrupted:
			stop(errInterrupted)
		case <-waiting.Done():
		}
	}()
	if err := l.connect(waiting); err != nil {
		return l.giveUp(err, exitTerminal)
	}
	defer l.disconnect(ctx)
	l.say("\n√ Connected to GitHub\n\nCurrent runner version: '%s'", Version)
	l.event("Listening for Jobs")
	def, err := l.await(waiting)
	if err != nil {
		return l.giveUp(err, exitDone)
	}
	l.event("Running job: %s", def.Name)
	result := l.perform(ctx, interrupted, def)
	l.event("Job %s completed with result: %s", def.Name, resultName(result))
	if l.reg.Ephemeral {
		for _, name := range []string{registrationFile, credentialsFile, keyFile} {
			_ = os.Remove(filepath.Join(l.root, name))
		}
	}
	if l.env["ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED"] == "true" {
		return hostedCode(result)
	}
	return exitDone
}

// connect opens the session. It outlives a conflict of some minutes and a few network errors.
func (l *listener) connect(ctx context.Context) error {
	failed, blocked := 0, 0
	for {
		err := l.broker.open(ctx)
		wait := l.backOff(failed + 1)
		switch {
		case err == nil || final(err):
			return err
		case errors.Is(err, errConflict):
			if blocked++; blocked > conflictTries {
				return err
			}
			wait = conflictPause
		default:
			if failed++; failed >= maxErrors {
				return fmt.Errorf("%w: %w", errTooMany, err)
			}
		}
		l.diag.log("WARN", "%v; trying again in %s", err, wait)
		if err := l.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// errTooMany ends a row of network errors.
var errTooMany = errors.New("ten network errors in a row")

// await listens until there is a job and returns it.
func (l *listener) await(ctx context.Context) (Definition, error) {
	for failed := 0; ; {
		def, err := l.ask(ctx)
		switch {
		case err == nil && def != nil:
			return *def, nil
		case err == nil:
			failed = 0
			continue
		case ctx.Err() != nil:
			return Definition{}, context.Cause(ctx)
		case final(err):
			return Definition{}, err
		}
		if failed++; failed >= maxErrors {
			return Definition{}, fmt.Errorf("%w: %w", errTooMany, err)
		}
		wait := l.backOff(failed)
		l.diag.log("WARN", "%v; trying again in %s", err, wait)
		if err := l.pause(ctx, wait); err != nil {
			return Definition{}, err
		}
	}
}

// ask polls once. Without a job, or when the job was lost before it was acquired, both results are nil.
func (l *listener) ask(ctx context.Context) (*Definition, error) {
	job, err := l.broker.next(ctx)
	if err != nil || job == 0 {
		return nil, err
	}
	def, err := l.broker.acquire(ctx, job)
	if errors.Is(err, errLost) {
		l.diag.log("INFO", "Job %d was given to another runner or cancelled before it was acquired", job)
		return nil, nil //nolint:nilnil // no job and no error is the ordinary answer of a poll
	}
	if err != nil {
		return nil, err
	}
	return &def, nil
}

func final(err error) bool { return errors.Is(err, errGone) || errors.Is(err, errDeprecated) }

func (l *listener) backOff(failed int) time.Duration {
	base := shortPause
	if failed > backOffSteps {
		base = longPause
	}
	return base + rand.N(base) //nolint:gosec // jitter
}

// giveUp says why the listener ends without a job, and with which code. The code of a deleted registration depends on
// whether the session was open already.
func (l *listener) giveUp(err error, gone int) int {
	switch {
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		l.event("Exiting...")
		return exitDone
	case errors.Is(err, errGone) && gone == exitTerminal:
		l.say("Failed to create a session. The runner registration has been deleted from the server, please re-configure.")
		return exitTerminal
	case errors.Is(err, errGone):
		l.say("Runner registration has been deleted from the server, the runner stops listening.")
		return exitDone
	case errors.Is(err, errConflict):
		l.say("A session for this runner already exists.")
		return exitConflict
	case errors.Is(err, errDeprecated):
		l.say("An error occurred: Runner version v%s is deprecated and cannot receive messages.", Version)
		if l.env["ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE"] == "1" {
			return exitDeprecated
		}
		return exitTerminal
	default:
		l.say("An error occurred: %v", err)
		return exitRetryable
	}
}

// disconnect closes the session. That the server has forgotten it with the registration is the ordinary case.
func (l *listener) disconnect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeDeadline)
	defer cancel()
	if err := l.broker.close(ctx); err != nil && !errors.Is(err, errGone) && !errors.Is(err, errLost) {
		l.diag.log("WARN", "%v", err)
	}
}

// say prints a line, to the terminal and to the log.
func (l *listener) say(format string, values ...any) {
	_, _ = fmt.Fprintf(l.out, format+"\n", values...)
	l.diag.log("INFO", format, values...)
}

// event prints a line with the time, as the official runner does: agents look for these.
func (l *listener) event(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	_, _ = fmt.Fprintf(l.out, "%s: %s\n", time.Now().UTC().Format("2006-01-02 15:04:05Z"), text)
	l.diag.log("INFO", "%s", text)
}

func resultName(conclusion string) string {
	switch conclusion {
	case Success:
		return "Succeeded"
	case Cancelled:
		return "Canceled"
	case abandoned:
		return "Abandoned"
	default:
		return "Failed"
	}
}

func hostedCode(conclusion string) int {
	const base = 100 // the official runner's codes of results begin here
	switch conclusion {
	case Success:
		return base
	case Cancelled:
		return base + 3
	case abandoned:
		return base + 5
	default:
		return base + 2
	}
}
