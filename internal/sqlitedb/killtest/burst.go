// Package killtest kills a process in the middle of a burst of writes, so that a test can check that everything which was
// acknowledged is still there. The process is the test binary itself, started a second time.
package killtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// dirVariable tells the child that it is one, and where to write.
const dirVariable = "RUNS_FLEET_KILLTEST_DIR"

// Writer writes to the backend in dir without end. It calls acknowledge, which any goroutine may do, with the name of
// each write that has been answered.
type Writer func(dir string, acknowledge func(name string)) error

// Main is called first in TestMain: in the child it runs the writer, and the process ends with it.
func Main(write Writer) {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		return
	}
	var mu sync.Mutex
	err := write(dir, func(name string) {
		mu.Lock()
		defer mu.Unlock()
		// One write without a buffer: what the parent reads was acknowledged before the kill.
		if _, err := os.Stdout.WriteString(name + "\n"); err != nil {
			os.Exit(1)
		}
	})
	fmt.Fprintln(os.Stderr, "the burst ended by itself:", err)
	os.Exit(1)
}

// Burst starts the writer in a child, kills it with SIGKILL after that many acknowledgements, and returns all names that
// were acknowledged.
func Burst(t *testing.T, dir string, enough int) []string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0]) // the test binary itself
	child.Env = append(os.Environ(), dirVariable+"="+dir)
	var stderr strings.Builder
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	names, err := readUntilKilled(child, stdout, enough)
	if err != nil {
		t.Errorf("reading acknowledgements: %v", err)
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child ended by itself (%v) after %d writes: %s", err, len(names), stderr.String())
	}
	return names
}

// readUntilKilled goes on reading after the kill: what is in the pipe was acknowledged too. A last line that is not
// complete does not count.
func readUntilKilled(child *exec.Cmd, stdout io.Reader, enough int) ([]string, error) {
	var names []string
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return names, fmt.Errorf("reading the child's output: %w", err)
		}
		names = append(names, strings.TrimSuffix(line, "\n"))
		if len(names) == enough {
			if err := child.Process.Kill(); err != nil {
				return names, fmt.Errorf("killing the child: %w", err)
			}
		}
	}
}
