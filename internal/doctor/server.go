package doctor

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

// Server looks whether a server runs on a data directory, and whether it answers. That none runs is no problem: doctor is
// for the time before the first start, too.
func Server(ctx context.Context, dir, version string, clock seam.Clock) []Finding {
	f, err := client.ReadServerFile(dir)
	if errors.Is(err, client.ErrNoServer) {
		return One(OK, "none is running yet", "")
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return One(Skipped, "it cannot be looked for without a data directory", "")
	}
	if err != nil {
		return One(Problem, err.Error(), "run this command as the user that runs the server")
	}
	c, err := client.New(f.URL, f.Token, clock)
	if err != nil {
		return One(Problem, err.Error(), "restart the server")
	}
	st, err := c.Status(ctx)
	switch {
	case errors.Is(err, client.ErrNoServer):
		return One(Warning, fmt.Sprintf("the server that ran last (process %d) ended without saying so", f.PID), "start it again: it takes up where it was")
	case err != nil:
		return One(Problem, fmt.Sprintf("the server at %s does not answer as it should: %s", f.URL, err), "look into its log, and restart it")
	case st.Version != version:
		return One(Warning, fmt.Sprintf("%s runs version %s, and this is %s", f.URL, st.Version, version), "restart the server to upgrade it; its runners go on working")
	default:
		return One(OK, fmt.Sprintf("%s answers; %d of %d machines live", f.URL, st.Live, st.MaxRunners), "")
	}
}
