package demo

import (
	"errors"
	"strings"
	"testing"
)

func TestCommandLineErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args string
		says string
		code int
	}{
		{"--nonsense", "unknown flag: --nonsense", exitUsage},
		{"file.yml", `unexpected argument "file.yml": name a workflow with --workflow`, exitUsage},
		{"--output xml", `--output is "xml": it must be table or json`, exitUsage},
		{"--app --token", "--app and --token exclude each other", exitUsage},
		{"--jobs -1", "--jobs must not be negative", exitUsage},
		{"--workflow /does/not/exist.yml", "reading the workflow", exitFailed},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			c := Command(Options{Out: &out, Err: &out}, Interrupts{})
			c.SetArgs(strings.Fields(test.args))
			err := c.ExecuteContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.says) || ExitCode(err) != test.code {
				t.Errorf("got %v with %d, want %q with %d", err, ExitCode(err), test.says, test.code)
			}
		})
	}
}

func TestHelpHasExamples(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	c := Command(Options{Out: &out, Err: &out}, Interrupts{})
	c.SetArgs([]string{"--help"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"runs-fleet-demo --once --poll --token", "Exit codes:", "--workflow file", "--isolation"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, out.String())
		}
	}
}

func TestMissingServerIsExplained(t *testing.T) {
	t.Parallel()
	if _, err := findServer(Options{}); err == nil || !strings.Contains(err.Error(), "build it with `make build`") {
		t.Errorf("got %v", err)
	}
	if _, err := findServer(Options{ServerBinary: "/does/not/exist"}); err == nil || !strings.Contains(err.Error(), "--server-binary") {
		t.Errorf("got %v", err)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		ErrUnexpected: exitFailed, ErrLeftover: exitFailed, ErrStopped: exitStopped, errors.Join(ErrStopped, ErrLeftover): exitFailed,
	} {
		if got := ExitCode(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
