package sim

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Transition is what a call did to one instance.
type Transition struct {
	ID     string
	Before provider.State
	After  provider.State
}

// DescribeInstances returns the instances that have all of the tags, in the order of their launch; with ids, only those,
// and an error if one of them is not known. Instances may not be known for some time after their creation, and are
// forgotten about an hour after their end (pages "eventual-consistency" and "API_TerminateInstances").
func (c *Cloud) DescribeInstances(ctx context.Context, region string, tags map[string]string, ids ...string) ([]Instance, error) {
	return c.List(ctx, Listing{Region: region, Tags: tags, IDs: ids, Bounded: len(tags) > 0})
}

// Listing asks for instances.
type Listing struct {
	Region string
	Tags   map[string]string // that the instances have
	IDs    []string          // of the instances, all of which must be known; empty is any
	Among  []string          // ids of which those are returned that exist, as by the filter instance-id; empty is any
	// Bounded says that the request has a filter or asks for a page.
	Bounded bool
}

// List is DescribeInstances with all that a request may say.
func (c *Cloud) List(ctx context.Context, l Listing) ([]Instance, error) {
	return call(ctx, c, action{name: actionDescribe, region: l.Region, bounded: l.Bounded}, func(at moment) ([]Instance, error) {
		asOf := at.now
		if at.dice.chance(c.faults.StaleListings, "stale", 0) {
			c.tally.StaleListings++
			asOf = asOf.Add(-time.Duration(at.dice.unit("lag", 0) * float64(c.faults.Lag)))
		}
		at.region.machines = slices.DeleteFunc(at.region.machines, func(m *machine) bool {
			return !m.forgotten.IsZero() && !at.now.Before(m.forgotten)
		})
		among := at.region.machines
		if len(l.IDs) > 0 {
			var err error
			if among, err = c.named(actionDescribe, at, l.IDs); err != nil {
				return nil, err
			}
		}
		var found []Instance
		if len(l.Among) == 0 && len(among) > 0 {
			found = make([]Instance, 0, len(among))
		}
		for _, m := range among {
			if !m.known(at.now) || len(l.Among) > 0 && !slices.Contains(l.Among, m.id) || !hasTags(m.tags, l.Tags) {
				continue
			}
			i, existed := m.view(asOf)
			switch {
			case existed:
				found = append(found, i)
			case len(l.IDs) > 0:
				return nil, refuse(actionDescribe, CodeNotFound, "The instance ID '%s' does not exist", m.id)
			}
		}
		return found, nil
	})
}

func hasTags(tags, wanted map[string]string) bool {
	for k, v := range wanted {
		if has, ok := tags[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// TerminateInstances ends instances. One that has ended already is no error, as long as it is known. If one id is wrong
// none of the instances ends (page "API_TerminateInstances").
func (c *Cloud) TerminateInstances(ctx context.Context, region string, ids ...string) ([]Transition, error) {
	return c.change(ctx, action{name: actionTerminate, region: region, resources: len(ids)}, ids, nil, func(m *machine, now time.Time) {
		c.end(m, reasonUserShutdown, now)
	})
}

// StopInstances stops running instances; one that stops or has stopped is no error. It is refused for every other state
// (failure mode E7), and for one-time spot instances, which are what a fleet of type instant launches (failure mode E6;
// pages "API_StopInstances" and "stop-spot-instances").
func (c *Cloud) StopInstances(ctx context.Context, region string, ids ...string) ([]Transition, error) {
	return c.change(ctx, action{name: actionStop, region: region, resources: len(ids)}, ids, func(m *machine, _ time.Time) error {
		switch s := m.state(); {
		case m.Spot():
			return refuse(actionStop, CodeUnsupported, "You can't stop the Spot Instance '%s' because it is associated with a one-time Spot "+
				"Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.", m.id)
		case s == provider.Running, s == provider.Stopping, s == provider.Stopped:
			return nil
		default:
			return refuse(actionStop, CodeWrongState, "The instance '%s' is not in a state from which it can be stopped.", m.id)
		}
	}, func(m *machine, now time.Time) {
		if m.state() == provider.Running {
			c.stop(m, reasonUserShutdown, now)
		}
	})
}

// StartInstances starts stopped instances; one that is pending or running is no error. A stopped instance holds no
// capacity, so that its pool may have none left for it (page "API_StartInstances").
func (c *Cloud) StartInstances(ctx context.Context, region string, ids ...string) ([]Transition, error) {
	wanted := map[*pool]int{}
	return c.change(ctx, action{name: actionStart, region: region, resources: len(ids)}, ids, func(m *machine, now time.Time) error {
		switch m.state() {
		case provider.Pending, provider.Running:
			return nil
		case provider.Stopped:
			if wanted[m.pool]++; wanted[m.pool] > c.room(m.pool, now) {
				return refuse(actionStart, CodeNoCapacity, "%s", shortageText(CodeNoCapacity, m.pool.Pool))
			}
			if wanted[m.pool] > m.pool.quotaLeft(0) {
				return refuse(actionStart, CodeVCPULimit, "%s", shortageText(CodeVCPULimit, m.pool.Pool))
			}
			return nil
		default:
			return refuse(actionStart, CodeWrongState, "The instance '%s' is not in a state from which it can be started.", m.id)
		}
	}, func(m *machine, now time.Time) {
		if m.state() == provider.Stopped {
			c.powerOn(m, now)
		}
	})
}

// change does something to instances, or to none of them.
func (c *Cloud) change(ctx context.Context, a action, ids []string, check func(*machine, time.Time) error, do func(*machine, time.Time)) ([]Transition, error) {
	return call(ctx, c, a, func(at moment) ([]Transition, error) {
		if len(ids) == 0 {
			return nil, refuse(a.name, CodeMissingParameter, "The request must contain the parameter InstanceIds")
		}
		machines, err := c.named(a.name, at, ids)
		if err != nil {
			return nil, err
		}
		for _, m := range machines {
			if check == nil {
				break
			}
			if err := check(m, at.now); err != nil {
				return nil, err
			}
		}
		var done []Transition
		for _, m := range machines {
			before := m.state()
			do(m, at.now)
			c.timers.set(m)
			done = append(done, Transition{m.id, before, m.state()})
		}
		return done, nil
	})
}

var instanceID = regexp.MustCompile(`^i-[0-9a-f]{17}$`)

// named finds instances by their ids, each once.
func (c *Cloud) named(action string, at moment, ids []string) ([]*machine, error) {
	var found []*machine
	for _, id := range ids {
		if !instanceID.MatchString(id) {
			return nil, refuse(action, CodeMalformed, "Invalid id: %q", id)
		}
		m, ok := c.machines[id]
		if !ok || m.pool.Region != at.region.Name || !m.known(at.now) {
			return nil, refuse(action, CodeNotFound, "The instance ID '%s' does not exist", id)
		}
		if !slices.Contains(found, m) {
			found = append(found, m)
		}
	}
	return found, nil
}
