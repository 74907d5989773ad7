package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options are what a cloud is made of.
type Options struct {
	Clock   seam.Clock
	Random  seam.Random
	Catalog catalog.Catalog
	Regions []Region
	Timing  Timing
	Limits  Limits
	// Account is the twelve digits in identity documents; empty is 123456789012.
	Account string
	// KeepEvents keeps events until Events is called. Without it nobody reads them, and none are kept.
	KeepEvents bool
	// Acted is told of every call that has had its effect, or was refused, before its answer travels: a scheduler takes in
	// what changed (Changes) and asks Next anew. It is called with the call's context and without a lock, and may call the
	// cloud. Without it no changes are kept (optional).
	Acted func(ctx context.Context)
}

// Region is one of the cloud's regions.
type Region struct {
	Name  string
	Zones []Zone
	// Capacity is how many instances fit into each pool, unless SetCapacity says otherwise.
	Capacity int
	// Quotas bound the account's vCPUs; a class and market without one is not bounded.
	Quotas []Quota
}

// Zone is an availability zone.
type Zone struct {
	Name string
	// Lacks names families (c8g) and types (c7i.large) that the zone does not offer.
	Lacks []string
}

// Quota is the most vCPUs that instances of a class may have in one market (page "ec2-instance-quotas").
type Quota struct {
	Class  string // as QuotaClass says
	Market fleet.Market
	VCPUs  int
}

// Boot is how long an operating system takes from the call to the agent's first sign of life.
type Boot struct {
	Cold    Distribution // of a new instance
	Stopped Distribution // of one that was stopped and is started
}

// Timing says how long things take. A zero distribution takes no time.
type Timing struct {
	Calls        Distribution // until a call has its effect
	Answers      Distribution // from then until its caller has the answer
	Pending      Distribution // from launch or start until running
	Stopping     Distribution // from stop until stopped
	ShuttingDown Distribution // from termination until terminated
	Remembered   Distribution // how long a terminated instance stays visible
	Boots        map[fleet.OS]Boot
}

// DefaultTiming is a model of an ordinary day: figures of the right order, not measurements. A terminated instance is
// visible for about an hour (page "API_TerminateInstances").
func DefaultTiming() Timing {
	return Timing{
		Pending:      Distribution{Median: 6 * time.Second, Spread: 2},
		Stopping:     Distribution{Median: 20 * time.Second, Spread: 2},
		ShuttingDown: Distribution{Median: 30 * time.Second, Spread: 2},
		Remembered:   Distribution{Median: time.Hour, Spread: 1.2},
		Boots: map[fleet.OS]Boot{
			fleet.Linux: {
				Cold:    Distribution{Median: 25 * time.Second, Spread: 1.6},
				Stopped: Distribution{Median: 12 * time.Second, Spread: 1.6},
			},
			fleet.Windows: {
				Cold:    Distribution{Median: 150 * time.Second, Spread: 1.6},
				Stopped: Distribution{Median: 60 * time.Second, Spread: 1.6},
			},
		},
	}
}

// DefaultRegions are one region of three zones, the last of which lacks the newest generation, as happens (failure mode
// D9), with room for so many instances in each pool.
func DefaultRegions(capacity int) []Region {
	return []Region{{
		Name: "us-east-1", Capacity: capacity,
		Zones: []Zone{{Name: "us-east-1a"}, {Name: "us-east-1b"}, {Name: "us-east-1c", Lacks: []string{"c8g", "m8g", "r8g", "c8i", "m8i", "r8i"}}},
	}}
}

func (o Options) check() error {
	if o.Clock == nil || o.Random == nil {
		return errors.New("a simulated cloud needs a clock and a source of randomness")
	}
	if len(o.Catalog.Types()) == 0 {
		return errors.New("a simulated cloud needs instance types")
	}
	if len(o.Regions) == 0 {
		return errors.New("a simulated cloud needs a region")
	}
	seen := map[string]bool{}
	for _, r := range o.Regions {
		if r.Name == "" || seen[r.Name] || len(r.Zones) == 0 {
			return fmt.Errorf("region %q has no name, no zone, or is listed twice", r.Name)
		}
		seen[r.Name] = true
		for _, z := range r.Zones {
			if z.Name == "" || seen[z.Name] {
				return fmt.Errorf("zone %q of region %s has no name or is listed twice", z.Name, r.Name)
			}
			seen[z.Name] = true
		}
	}
	return nil
}
