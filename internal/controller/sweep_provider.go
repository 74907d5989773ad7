package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Bounds of the provider sweep and of section 8.
const (
	listDeadline   = 30 * time.Second
	absentFor      = 2 * time.Minute // listings lag behind launches
	sightingsApart = 5 * time.Minute
	youngFor       = 30 * time.Minute
	heartbeatEvery = time.Minute
	heartbeatGap   = 10 * time.Minute
	rowlessPass    = 60 * time.Second
	rowlessLeast   = 5  // instances a pass may end at least
	rowlessPercent = 10 // of the fleet a pass may end
)

// sightings remembers since when an instance or a registration has been seen without an owner. It starts anew with the
// process, which errs on the safe side.
type sightings struct {
	mu    sync.Mutex
	first map[string]time.Time
}

// seen notes a sighting and says whether the first is old enough.
func (s *sightings) seen(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first = map[string]time.Time{}
	}
	first, known := s.first[key]
	if !known {
		s.first[key] = now
		return false
	}
	return now.Sub(first) >= sightingsApart
}

func (s *sightings) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.first, key)
}

// retain forgets what was not seen again.
func (s *sightings) retain(keys map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.first {
		if !keys[k] {
			delete(s.first, k)
		}
	}
}

// sweepProvider compares the provider's instances with the rows, from both sides.
func (c *Controller) sweepProvider(ctx context.Context) error {
	young, err := c.beat(ctx) // before the listing: a provider that does not answer says nothing of the store's age
	if err != nil {
		return err
	}
	listCtx, cancel := c.Clock.WithTimeout(ctx, listDeadline)
	defer cancel()
	instances, err := c.Provider.List(listCtx, c.Site)
	if err != nil {
		return fmt.Errorf("listing instances at %s: %w", c.Site, err)
	}
	byID := make(map[string]provider.Instance, len(instances))
	for _, i := range instances {
		byID[i.ID] = i
	}
	var met troubles
	known := c.checkRows(ctx, byID, &met)
	c.checkInstances(ctx, instances, known, young, &met)
	return met.err
}

// troubles are what a pass met with single rows and instances. One that cannot be read, or that refuses every write, must
// not keep the pass from the others (failure mode C10); where many do, it is no matter of single ones, and the pass ends.
type troubles struct {
	err error
	n   int
}

// troublesMost ends a pass.
const troublesMost = 10

// meet notes an error, if there is one, and says whether the pass goes on.
func (t *troubles) meet(err error) bool {
	if err != nil {
		t.err = errors.Join(t.err, err)
		t.n++
	}
	return t.n < troublesMost
}

// checkRows ends the machines whose instances have ended (rule 6.5). It returns the instances that live rows answer for.
func (c *Controller) checkRows(ctx context.Context, instances map[string]provider.Instance, met *troubles) (known map[string]bool) {
	known = map[string]bool{}
	machines, err := c.Records.LiveMachines(ctx)
	if err != nil {
		met.meet(fmt.Errorf("listing machines: %w", err))
	}
	for _, m := range machines {
		if m.ID.Site != c.Site {
			continue
		}
		known[m.ID.ID] = true
		i, listed := instances[m.ID.ID]
		var err error
		switch {
		case listed && !i.State.Live():
			reason := i.Reason
			if reason == "" {
				reason = string(i.State)
			}
			err = c.endedElsewhere(ctx, m.ID, reason)
		case !listed:
			err = c.absent(ctx, m.ID)
		case !m.Absent.IsZero():
			err = c.listedAgain(ctx, m.ID)
		default:
			continue
		}
		if !met.meet(err) {
			return known
		}
	}
	return known
}

// endedElsewhere writes that a machine has ended by itself, and looks its job up.
func (c *Controller) endedElsewhere(ctx context.Context, id fleet.MachineID, reason string) error {
	m, err := c.Records.Machine(ctx, id)
	if err != nil || !m.Exists() || !m.V.Live() {
		return err
	}
	c.Observer.FellBack(FallbackEndedElsewhere)
	if m.V.State == fleet.MachineStarting { // the next one may end the same way: its market rests first (rule 2.6)
		return c.failedBoot(ctx, id, reason)
	}
	if err := c.retry(ctx, func() error { return c.gone(ctx, id, reason) }); err != nil {
		return err
	}
	if m.V.Job == 0 {
		return nil
	}
	if err := c.lookUp(ctx, m.V.Repository, m.V.Job); err != nil {
		c.Observer.FellBack(FallbackLook)
		c.Logger.WarnContext(ctx, "the job of a machine that ended is looked up later", "job", m.V.Job, "error", err)
	}
	return nil
}

// failedBoot ends a machine that ended before it said hello.
func (c *Controller) failedBoot(ctx context.Context, id fleet.MachineID, reason string) error {
	return c.retry(ctx, func() error {
		m, err := c.Records.Machine(ctx, id)
		if err != nil || !m.Exists() || m.V.State != fleet.MachineStarting {
			return err
		}
		return c.fail(ctx, m, "EndedBooting", "it ended before it had booted: "+reason)
	})
}

// absent notes that the provider does not list a machine; after two minutes it has ended.
func (c *Controller) absent(ctx context.Context, id fleet.MachineID) error {
	over := false
	err := c.changeMachine(ctx, id, func(m *fleet.Machine, now time.Time) (changed bool) {
		*m, changed, over = absence(*m, now)
		return changed
	})
	if err != nil || !over {
		return err
	}
	return c.endedElsewhere(ctx, id, "it is no longer listed")
}

// absence says what a listing without the machine means. Listings lag, so it takes two minutes of them, and they prove
// nothing while the agent renews its lease: a machine that speaks exists. Nor are they enough for a machine that was handed a
// registration: a job may run on it, and it ends as any silent machine does (rule 6.2). Pure; over says that the machine has
// ended.
func absence(m fleet.Machine, now time.Time) (next fleet.Machine, changed, over bool) {
	switch {
	case !m.Live() || now.Sub(m.Launched) < absentFor:
		return m, false, false
	case m.Leased(now) || m.HandOuts() > 0:
		changed = !m.Absent.IsZero()
		m.Absent = time.Time{}
		return m, changed, false
	case m.Absent.IsZero():
		m.Absent = now
		return m, true, false
	default:
		return m, false, now.Sub(m.Absent) >= absentFor
	}
}

// listedAgain forgets that a machine was absent from listings: what counts is that it is absent from all of them.
func (c *Controller) listedAgain(ctx context.Context, id fleet.MachineID) error {
	return c.changeMachine(ctx, id, func(m *fleet.Machine, _ time.Time) bool {
		changed := !m.Absent.IsZero()
		m.Absent = time.Time{}
		return changed
	})
}

// checkInstances attaches instances of open launches (rule 2.3) and ends rowless ones (section 8). An instance whose row was just
// listed has one: the list may be a moment old, and the next pass is soon enough to notice that the row has ended since.
func (c *Controller) checkInstances(ctx context.Context, instances []provider.Instance, known map[string]bool, young bool, met *troubles) {
	rowless := map[string]bool{}
	var over []provider.Instance
	live := 0
	for _, i := range instances {
		if !i.State.Live() {
			continue
		}
		live++
		if known[i.ID] {
			continue
		}
		orphan, err := c.rowless(ctx, i)
		if !met.meet(err) {
			return
		}
		if err != nil || !orphan { // unknown is not rowless
			continue
		}
		rowless[i.ID] = true
		if c.strays.seen(i.ID, c.Clock.Now()) {
			over = append(over, i)
		}
	}
	c.strays.retain(rowless)
	if young || len(over) == 0 {
		return
	}
	now := c.Clock.Now()
	if now.Sub(c.strayPass) < rowlessPass {
		return
	}
	c.strayPass = now
	for _, i := range over[:min(len(over), max(rowlessLeast, live*rowlessPercent/100))] {
		if !met.meet(c.endRowless(ctx, i)) {
			return
		}
	}
}

// rowless says whether nothing in the rows answers for an instance, after attaching it if its launch has a place for it.
func (c *Controller) rowless(ctx context.Context, i provider.Instance) (bool, error) {
	id := fleet.MachineID{Site: i.Site, ID: i.ID}
	m, err := c.Records.Machine(ctx, id)
	if err != nil {
		return false, err
	}
	if m.Exists() {
		return !m.V.Live(), nil
	}
	l, err := c.Records.Launch(ctx, i.LaunchID)
	if err != nil {
		return false, err
	}
	if !l.Exists() || l.V.Settled() {
		return true, nil
	}
	c.Observer.FellBack(FallbackListed)
	return false, c.attach(ctx, i.LaunchID, []provider.Instance{i})
}

// beat writes the heartbeat and says whether the store is too young for its silence to mean anything.
func (c *Controller) beat(ctx context.Context) (young bool, err error) {
	row, err := c.Records.Heartbeat(ctx)
	if err != nil {
		return true, err
	}
	now := c.Clock.Now()
	h := row.V
	if !row.Exists() || now.Sub(h.At) > heartbeatGap {
		h.Young = now.Add(youngFor)
	}
	if now.Sub(h.At) >= heartbeatEvery {
		h.At = now
		if err := c.Records.Commit(ctx, c.Records.PutHeartbeat(row, h)); err != nil && !store.IsConflict(err) {
			return true, err
		}
	}
	return now.Before(h.Young), nil
}

// endRowless deletes an instance's registrations by our naming first; a busy one keeps it.
func (c *Controller) endRowless(ctx context.Context, i provider.Instance) error {
	repositories, err := c.repositories(ctx)
	if err != nil {
		return err
	}
	prefix := c.namePrefix() + i.ID + "-"
	for _, r := range repositories {
		runners, err := c.github(ctx).Runners(r)
		if err != nil {
			return err
		}
		for _, reg := range runners {
			if !strings.HasPrefix(reg.Name, prefix) {
				continue
			}
			answer, err := c.github(ctx).Delete(fleet.Runner{Name: reg.Name, ID: reg.ID, Repository: r})
			if err != nil {
				return err
			}
			if answer == Busy {
				c.strays.forget(i.ID)
				return nil
			}
		}
	}
	callCtx, cancel := c.Clock.WithTimeout(ctx, terminateDeadline)
	defer cancel()
	c.Observer.FellBack(FallbackRowless)
	c.Logger.WarnContext(ctx, "an instance that no row answers for is ended", "instance", i.ID, "launch", i.LaunchID)
	if err := c.Provider.Terminate(callCtx, i.Site, []string{i.ID}); err != nil {
		return fmt.Errorf("terminating rowless %s: %w", i.ID, err)
	}
	return nil
}

// sweepRegistrations deletes registrations of this fleet whose machine has ended or was never known, after two sightings.
// A repository that cannot be read holds up no other.
func (c *Controller) sweepRegistrations(ctx context.Context) error {
	repositories, err := c.repositories(ctx)
	if err != nil {
		return err
	}
	machines, err := c.Records.LiveMachines(ctx)
	if err != nil { // what it did list is looked at one by one
		c.Logger.WarnContext(ctx, "not every machine could be listed", "error", err)
	}
	owned := map[string]bool{}
	for _, m := range machines {
		for _, runner := range m.Runners {
			owned[runner.Repository.Host+" "+runner.Name] = true
		}
	}
	strays := map[string]bool{}
	var failed error
	for _, r := range repositories {
		failed = errors.Join(failed, c.sweepRegistrationsOf(ctx, r, owned, strays))
	}
	if failed == nil { // what was not listed has not been seen to be gone
		c.registrations.retain(strays)
	}
	return failed
}

func (c *Controller) sweepRegistrationsOf(ctx context.Context, r fleet.Repository, listed, strays map[string]bool) error {
	runners, err := c.github(ctx).Runners(r)
	if err != nil {
		return err
	}
	for _, reg := range runners {
		if !strings.HasPrefix(reg.Name, c.namePrefix()) {
			continue // RightFleet
		}
		if listed[r.Host+" "+reg.Name] {
			continue
		}
		owned, err := c.owned(ctx, r, reg)
		if err != nil {
			return err
		}
		if owned {
			continue
		}
		strays[reg.Name] = true
		if !c.registrations.seen(reg.Name, c.Clock.Now()) || reg.Busy {
			continue
		}
		if _, err := c.github(ctx).Delete(fleet.Runner{Name: reg.Name, ID: reg.ID, Repository: r}); err != nil {
			return err
		}
		c.Observer.FellBack(FallbackStray)
		c.Logger.WarnContext(ctx, "a registration that no machine answers for is deleted", "runner", reg.Name)
	}
	return nil
}

func (c *Controller) owned(ctx context.Context, r fleet.Repository, reg RunnerTruth) (bool, error) {
	pointer, err := c.Records.MachineOfRunner(ctx, r.Host, reg.Name)
	if err != nil || !pointer.Exists() {
		return false, err
	}
	m, err := c.Records.Machine(ctx, pointer.V.Machine)
	if err != nil {
		return false, err
	}
	return m.Exists() && (m.V.Live() || !m.V.Due.IsZero()), nil
}
