package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// sleeping is a clock that does something whenever it is asked to sleep.
type sleeping struct {
	*webtest.Clock
	do func()
}

func (s sleeping) Sleep(ctx context.Context, d time.Duration) error {
	s.do()
	return s.Clock.Sleep(ctx, d)
}

func TestWatchingListsAgainUntilItIsStopped(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, nil))
	at := ofWorld(t, w)
	at.env.Width = 100
	ctx, stop := context.WithCancel(context.Background())
	rounds := 0
	at.env.Clock = sleeping{&webtest.Clock{}, func() {
		if rounds++; rounds == 1 {
			w.PutJobs(t, webtest.Job(2, func(j *fleet.Job) { j.Name = "came later" }))
			return
		}
		stop()
	}}
	if code := cli.Run(ctx, []string{"jobs", "--watch"}, at.env); code != cli.ExitOK {
		t.Fatal(at.err.String())
	}
	screens := strings.Split(at.out.String(), "\x1b[H\x1b[2J")
	if len(screens) != 3 || strings.Contains(screens[1], "came later") || !strings.Contains(screens[2], "came later") {
		t.Errorf("%d screens: %q", len(screens), screens)
	}
}
