package agent

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is three programs: the tests, and in a runner's folder the listener and the worker, as the name says.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "Runner.Listener":
		os.Exit(listenerMain())
	case workerName:
		os.Exit(workerMain())
	}
	goleak.VerifyTestMain(m)
}
