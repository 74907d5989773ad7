package metadata

import (
	"context"
	"log/slog"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Every is how often the service is asked for notices. AWS says to ask every five seconds (page "spot-instance-termination-notices");
// a notice must be passed on within that time, so it is asked more often.
const Every = 3 * time.Second

// Source is what Watch asks: *Service.
type Source interface {
	Notice(ctx context.Context) (Notice, error)
}

// Watch tells of every notice that is new, until the context ends. A service that does not answer is asked again, and told of
// once.
func Watch(ctx context.Context, clock seam.Clock, from Source, log *slog.Logger, tell func(Notice)) {
	var last Notice
	failing := false
	for {
		notice, err := from.Notice(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !failing {
				log.WarnContext(ctx, "nobody would be told of an interruption: the metadata service does not answer", "error", err)
			}
			failing = true
		default:
			failing = false
			if next := last.with(notice); next != last {
				last = next
				tell(next)
			}
		}
		if clock.Sleep(ctx, Every) != nil {
			return
		}
	}
}

// with keeps what was said once: a mock and a service behind a busy host may say a later time for the same thing each time that
// they are asked, and what is announced does not become unannounced.
func (n Notice) with(later Notice) Notice {
	if n.Interruption.IsZero() {
		n.Interruption, n.Action = later.Interruption, later.Action
	}
	if n.Rebalance.IsZero() {
		n.Rebalance = later.Rebalance
	}
	return n
}
