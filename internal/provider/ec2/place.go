package ec2

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
)

// place is a site at work.
type place struct {
	site      Site
	client    *api.Client // shared by the sites of a region
	templates map[string]template
	made      marks
	inventory atomic.Pointer[Inventory]
	stale     atomic.Bool
	lookups   lookups

	mu     sync.Mutex
	listed map[string]owned.ID  // live instances of the last listings
	recent map[string]time.Time // launched by us and not listed yet, with the time of the answer
}

// marks are names that are known to exist.
type marks struct {
	mu    sync.Mutex
	names map[string]bool
}

func (m *marks) has(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names[name]
}

func (m *marks) set(name string, exists bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil {
		m.names = map[string]bool{}
	}
	m.names[name] = exists
}

// listingLag is how long an instance may be missing from listings after its launch (page "eventual-consistency": usually
// seconds).
const listingLag = 5 * time.Minute

// expect notes instances that listings will show.
func (p *place) expect(instances []provider.Instance, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, at := range p.recent {
		if now.Sub(at) > listingLag {
			delete(p.recent, id)
		}
	}
	for _, i := range instances {
		if _, listed := p.listed[i.ID]; !listed {
			p.recent[i.ID] = now
		}
	}
}

// noteListing keeps what a listing returned. A whole one replaces what was known; one of some ids adds to it.
func (p *place) noteListing(found []owned.Instance, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if whole {
		p.listed = make(map[string]owned.ID, len(found))
	}
	for _, l := range found {
		delete(p.recent, l.ID)
		if l.State.Live() {
			p.listed[l.ID] = l.Owned
		} else {
			delete(p.listed, l.ID)
		}
	}
}

// known splits ids into those that a listing has shown and the rest.
func (p *place) known(ids []string) (owned []owned.ID, rest []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if o, ok := p.listed[id]; ok {
			owned = append(owned, o)
		} else {
			rest = append(rest, id)
		}
	}
	return owned, rest
}

// tooNew returns those of the ids that were launched a moment ago and are not listed yet.
func (p *place) tooNew(ids []string, now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, id := range ids {
		if at, launched := p.recent[id]; launched && now.Sub(at) <= listingLag {
			out = append(out, id)
		}
	}
	return out
}

// ended forgets instances that end.
func (p *place) ended(ids []owned.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range ids {
		delete(p.listed, o.String())
	}
}
