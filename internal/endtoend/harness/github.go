package harness

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
)

// GitHub is a simulated GitHub with an address on this machine.
type GitHub struct {
	*githubsim.Simulator

	Web *httptest.Server
}

// StartGitHub starts one; who starts it closes it.
func StartGitHub(t *testing.T, o githubsim.Options) GitHub {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	sim, err := githubsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	g := GitHub{Simulator: sim, Web: httptest.NewServer(sim.Handler())}
	sim.SetBaseURL(g.Web.URL)
	return g
}

// Close ends it.
func (g GitHub) Close() {
	g.Simulator.Close()
	g.Web.CloseClientConnections()
	g.Web.Close()
}

// InstallRunner puts the simulated GitHub's runner, which is the program demo, where the official one would be.
func InstallRunner(t *testing.T, dir, demo string) {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // users of runners read it
		t.Fatal(err)
	}
	for _, name := range []string{"Runner.Listener", "Runner.Worker"} {
		if err := os.Link(demo, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
}
