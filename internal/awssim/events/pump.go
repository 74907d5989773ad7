package events

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Sink takes an event of a region. An error means that it has to be offered again.
type Sink func(ctx context.Context, region string, event []byte) error

// Cloud is where events come from: *sim.Cloud, made with KeepEvents. It gives each event to one reader only.
type Cloud interface {
	Events(now time.Time) []sim.Event
	Instance(id string, now time.Time) (sim.Instance, bool)
}

// Pump takes events to a sink, one after the other. It is used by one goroutine.
type Pump struct {
	cloud   Cloud
	clock   seam.Clock
	account string
	sink    Sink
	waiting []sim.Event // that the sink has not taken
}

// New makes a pump. The account is the twelve digits in the events.
func New(cloud Cloud, clock seam.Clock, account string, sink Sink) *Pump {
	return &Pump{cloud: cloud, clock: clock, account: account, sink: sink}
}

// Deliver takes what has arrived to the sink and returns how many events that were. After an error the rest waits for the
// next call.
func (p *Pump) Deliver(ctx context.Context) (int, error) {
	now := p.clock.Now()
	p.waiting = append(p.waiting, p.cloud.Events(now)...)
	for n, e := range p.waiting {
		i, _ := p.cloud.Instance(e.Instance, now)
		b, err := Encode(e, p.account, i.Pool.Zone)
		if err == nil {
			err = p.sink(ctx, e.Region, b)
		}
		if err != nil {
			p.waiting = p.waiting[n:]
			return n, fmt.Errorf("delivering an event of %s: %w", e.Instance, err)
		}
	}
	delivered := len(p.waiting)
	p.waiting = nil
	return delivered, nil
}

// Run delivers at intervals until the context ends. What the sink refuses is offered again at the next interval.
func (p *Pump) Run(ctx context.Context, interval time.Duration, failed func(error)) {
	for ctx.Err() == nil {
		if _, err := p.Deliver(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		if p.clock.Sleep(ctx, interval) != nil {
			return
		}
	}
}
