package controller

import (
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// mintsPerSecond is what GitHub's secondary limit leaves: 900 points a minute, 5 for each registration (GitHub REST API
// documentation, "Rate limits for the REST API").
const mintsPerSecond = 3

// boots remembers how long machines took from their launch to their hello.
type boots struct {
	mu   sync.Mutex
	last []time.Duration
}

func (b *boots) add(d time.Duration) {
	const most = 50
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = append(b.last, d)
	if len(b.last) > most {
		b.last = b.last[1:]
	}
}

// median returns the median boot time; a minute while nothing is known.
func (b *boots) median() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.last) == 0 {
		return time.Minute
	}
	sorted := slices.Clone(b.last)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// paced says how many more machines the minting budget bears: launches are paced only while unregistered machines exceed
// the rate times the median boot time (rule 4.7), beyond the burst that the budget allows at once.
func (c *Controller) paced(s *situation) int {
	if c.NoPacing {
		return s.mostLaunched()
	}
	unregistered := s.outstanding()
	for _, m := range s.View.Machines {
		if m.State == fleet.MachineStarting || m.State == fleet.MachineReady {
			unregistered++
		}
	}
	const burst = 180 // a minute's budget
	return max(0, burst+int(mintsPerSecond*c.boots.median().Seconds())-unregistered)
}
