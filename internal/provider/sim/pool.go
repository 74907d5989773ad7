package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Pool is where capacity is: a type in a zone and a market (page "ec2-fleet-allocation-strategy" speaks of capacity pools).
type Pool struct {
	Region string
	Zone   string
	Type   string
	Market fleet.Market
}

// matches says whether the pool is meant by a pattern, whose empty fields mean any.
func (p Pool) matches(pattern Pool) bool {
	return (pattern.Region == "" || pattern.Region == p.Region) && (pattern.Zone == "" || pattern.Zone == p.Zone) &&
		(pattern.Type == "" || pattern.Type == p.Type) && (pattern.Market == fleet.AnyMarket || pattern.Market == p.Market)
}

// pool is a Pool in use.
type pool struct {
	Pool
	region *region
	spec   catalog.Type
	dice   dice
	held   []*machine // pending, running or stopping, oldest first
}

// hold takes a place.
func (p *pool) hold(m *machine) {
	p.held = append(p.held, m)
	p.region.vcpus[p.quota()] += m.vcpu
	if p.Market == fleet.Spot {
		p.region.spot++
	}
}

// release gives a place back. A machine that holds none has been released already.
func (p *pool) release(m *machine) {
	i := slices.Index(p.held, m)
	if i < 0 {
		return
	}
	p.held = slices.Delete(p.held, i, i+1)
	p.region.vcpus[p.quota()] -= m.vcpu
	if p.Market == fleet.Spot {
		p.region.spot--
	}
}

// quotaKey is what one quota bounds.
type quotaKey struct {
	class  string
	market fleet.Market
}

func (p *pool) quota() quotaKey { return quotaKey{QuotaClass(p.Type), p.Market} }

// QuotaClass is the group of families that share a quota: "standard" for A, C, D, H, I, M, R, T and Z, otherwise the
// family's letters in upper case (page "ec2-instance-quotas").
func QuotaClass(instanceType string) string {
	letters := strings.TrimRight(instanceType[:strings.IndexAny(instanceType+"0", "0123456789")], "-")
	switch letters {
	case "a", "c", "d", "h", "i", "m", "r", "t", "z", "im", "is":
		return "standard"
	case "g", "vt", "gr":
		return "G"
	default:
		return strings.ToUpper(letters)
	}
}

// quotaLeft is how many more instances of the pool the account's quota allows, when so many vCPUs are spoken for already.
func (p *pool) quotaLeft(spokenFor int) int {
	q, bounded := p.region.quotas[p.quota()]
	if !bounded {
		return maxFleet
	}
	return max(0, (q-p.region.vcpus[p.quota()]-spokenFor)/p.spec.VCPU)
}

// rule is a call of SetCapacity.
type rule struct {
	pattern   Pool
	instances int
}

// capacity is how many instances fit into the pool at the time.
func (c *Cloud) capacity(p *pool, at time.Time) int {
	n := p.region.capacity
	for _, r := range c.rules {
		if p.matches(r.pattern) {
			n = r.instances
		}
	}
	if c.faults.Period <= 0 {
		return n
	}
	epoch := int(at.UnixNano() / int64(c.faults.Period))
	if p.dice.chance(c.faults.Drought, "drought", epoch) {
		return 0
	}
	return n - int(float64(n)*c.faults.Swing*p.dice.unit("swing", epoch))
}

// room is how many more instances fit.
func (c *Cloud) room(p *pool, at time.Time) int { return max(0, c.capacity(p, at)-len(p.held)) }

// reclaim gives notice to the newest spot instances of pools that hold more than fits. What runs on demand stays.
func (c *Cloud) reclaim(at time.Time) {
	for _, p := range c.pools {
		if p.Market != fleet.Spot || len(p.held) == 0 {
			continue
		}
		excess := len(p.held) - c.capacity(p, at)
		for _, m := range p.held {
			if !m.notice.IsZero() {
				excess--
			}
		}
		for i := len(p.held) - 1; i >= 0 && excess > 0; i-- {
			if m := p.held[i]; m.notice.IsZero() && m.on() {
				c.warn(m, at)
				c.timers.set(m)
				excess--
			}
		}
	}
}

// nextPeriod is when capacities change next, zero if they do not or if nobody would notice.
func (c *Cloud) nextPeriod(after time.Time) time.Time {
	f := c.faults
	if f.Period <= 0 || (f.Drought == 0 && f.Swing == 0) {
		return time.Time{}
	}
	spot := 0
	for _, r := range c.regions {
		spot += r.spot
	}
	if spot == 0 {
		return time.Time{}
	}
	period := int64(f.Period)
	return time.Unix(0, (after.UnixNano()/period+1)*period).UTC()
}
