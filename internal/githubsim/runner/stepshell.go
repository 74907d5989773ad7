package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/nektos/act/pkg/model"
)

// act starts the shell of a step at a terminal and forgets what is still in that terminal's buffer when a step fails. So
// the worker puts itself between: its own program starts the real shell with pipes and no terminal, in a session of its
// own, copies the output, and, when the shell failed, returns only after the worker has said that all of it has arrived.
// They talk through files in one folder: "session" holds the shell's session, "drained-PID" is the worker's answer.

const (
	drainPatience = 5 * time.Second      // the wait for the worker's answer
	drainPoll     = 2 * time.Millisecond // how often to look for it
	streamsGrace  = 2 * time.Second      // for the output of what a step leaves running in the background
	sessionFile   = "session"
)

// wrapSteps makes the shells of a job's steps start through this program. Shells that need a file name of their kind
// (PowerShell, cmd) and those that an expression chooses are left alone.
func wrapSteps(job *model.Job, workflow *model.Workflow, program, control string) {
	for _, step := range job.Steps {
		if step.Run == "" {
			continue
		}
		shell := step.Shell
		for _, outer := range []string{job.Defaults.Run.Shell, workflow.Defaults.Run.Shell} {
			if shell == "" {
				shell = outer
			}
		}
		if command := shellCommand(shell); command != "" {
			step.Shell = shellquote.Join(program, stepCommand, control) + " " + command
		}
	}
}

// shellCommand is the command line that GitHub documents for the keywords of `shell:`.
func shellCommand(shell string) string {
	switch {
	case shell == "":
		if _, err := exec.LookPath("bash"); err != nil {
			return "sh -e {0}"
		}
		return "bash -e {0}"
	case shell == "bash":
		return "bash --noprofile --norc -e -o pipefail {0}"
	case shell == "sh":
		return "sh -e {0}"
	case shell == "python":
		return "python {0}"
	case shell == "pwsh", shell == "powershell", shell == "cmd", strings.Contains(shell, "${{"):
		return ""
	default:
		return shell
	}
}

// runStep is the worker's program as the shell of a step. It ends with the real shell's exit code.
func runStep(control string, command []string) int {
	runtime.LockOSThread()                          // the shell dies with the thread that started it
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // the workflow's own shell; killed with this process
	cmd.Env = stepEnvironment()
	cmd.WaitDelay = streamsGrace
	cmd.SysProcAttr = stepAttributes()
	output := &lineEnd{to: os.Stdout}
	cmd.Stdout, cmd.Stderr = output, output
	if workspace := os.Getenv("GITHUB_WORKSPACE"); workspace != "" {
		if resolved, err := filepath.EvalSymlinks(workspace); err == nil && sameFolder(".", resolved) {
			cmd.Dir = resolved
		}
	}
	err := cmd.Start()
	if err == nil {
		_ = os.WriteFile(filepath.Join(control, sessionFile), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
		err = cmd.Wait()
	}
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
		if code < 0 {
			const bySignal = 128 // as shells report it
			code = bySignal + signalOf(exit)
		}
	} else if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		_, _ = fmt.Fprintf(output, "%v\n", err)
		code = 1
	}
	if code != 0 {
		drain(control, output)
	}
	return code
}

func sameFolder(a, b string) bool {
	first, err := os.Stat(a)
	second, errSecond := os.Stat(b)
	return err == nil && errSecond == nil && os.SameFile(first, second)
}

// stepEnvironment is the environment that act made, corrected.
func stepEnvironment() []string {
	env := environment(os.Environ())
	if resolved, err := filepath.EvalSymlinks(env["GITHUB_WORKSPACE"]); err == nil {
		env["GITHUB_WORKSPACE"] = resolved
	}
	for _, name := range []string{"SHA_REF", "ImageOS", "ACT", "PWD", "OLDPWD"} {
		delete(env, name)
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// drain waits until the worker has read everything that was written to the terminal.
func drain(control string, output *lineEnd) {
	if output.open {
		_, _ = io.WriteString(output, "\n")
	}
	pid := strconv.Itoa(os.Getpid())
	_, _ = fmt.Fprintf(output, "::%s::%s\n", drainedCommand, pid)
	for deadline := time.Now().Add(drainPatience); time.Now().Before(deadline); time.Sleep(drainPoll) {
		if os.Remove(filepath.Join(control, drainedFile(pid))) == nil {
			return
		}
	}
}

// markDrained is the worker's answer to drain.
func markDrained(control, pid string) {
	if _, err := strconv.Atoi(strings.TrimSpace(pid)); err == nil {
		_ = os.WriteFile(filepath.Join(control, drainedFile(strings.TrimSpace(pid))), nil, 0o600)
	}
}

func drainedFile(pid string) string { return "drained-" + pid }

// endStepSession kills what a stopped step has left.
func endStepSession(control string) {
	content, err := os.ReadFile(filepath.Join(control, sessionFile))
	if err != nil {
		return
	}
	if session, err := strconv.Atoi(string(content)); err == nil && session > 1 {
		killSession(session)
	}
}

// lineEnd passes output on and remembers whether its last line is open.
type lineEnd struct {
	to   io.Writer
	open bool
}

// Write passes p on.
func (l *lineEnd) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.open = p[len(p)-1] != '\n'
	}
	n, err := l.to.Write(p)
	if err != nil {
		return n, fmt.Errorf("passing on a step's output: %w", err)
	}
	return n, nil
}
