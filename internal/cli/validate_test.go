package cli_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/cli"
)

func TestValidate(t *testing.T) {
	files := map[string]string{
		"good.yml": "version: \"1\"\npools:\n  - {name: p, runner: 2cpu-linux-amd64, desired_running: 3, max: 2}\n",
		"bad.yml":  "version: \"1\"\npols: []\n",
	}
	for _, tt := range []struct {
		name, args string
		code       int
		out, err   string
	}{
		{
			"a file that can be applied", "validate good.yml", cli.ExitOK,
			"good.yml:3:61: warning: the pool wants 3 machines and may have 2: running ones come first, then stopped ones\n" +
				"good.yml can be applied: 0 environments, 0 images, 0 runners, 1 pool.\n", "",
		},
		{
			"a file that cannot", "validate bad.yml", cli.ExitFailed,
			"bad.yml:2:1: error: the configuration has no key \"pols\"; did you mean pools?\nbad.yml cannot be applied.\n", "",
		},
		{"no file", "validate", cli.ExitUsage, "", "needs one file"},
		{"a file that is not there", "validate none.yml", cli.ExitFailed, "", "reading the fleet configuration: file does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := newTerminal()
			at.env.ReadFile = func(name string) ([]byte, error) {
				if content, ok := files[name]; ok {
					return []byte(content), nil
				}
				return nil, os.ErrNotExist
			}
			code := at.run(strings.Fields(tt.args)...)
			if code != tt.code || at.out.String() != tt.out || !strings.Contains(at.err.String(), tt.err) {
				t.Errorf("exit code %d, want %d; it prints %q, want %q; errors %q", code, tt.code, at.out.String(), tt.out, at.err.String())
			}
		})
	}
}

func TestValidateForPrograms(t *testing.T) {
	at := newTerminal()
	at.env.ReadFile = func(string) ([]byte, error) { return []byte("version: \"2\"\n"), nil }
	if code := at.run("validate", "f.yml", "-o", "json"); code != cli.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	var got struct {
		Valid    bool
		Findings []struct {
			Line, Column      int
			Severity, Message string
		}
	}
	if err := json.Unmarshal(at.out.Bytes(), &got); err != nil {
		t.Fatal(errors.Join(err, errors.New(at.out.String())))
	}
	if got.Valid || len(got.Findings) != 1 || got.Findings[0].Severity != "error" || got.Findings[0].Line != 1 {
		t.Errorf("%+v", got)
	}
}
