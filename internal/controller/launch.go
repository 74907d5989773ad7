package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// launchDeadline bounds one launch call: EC2's CreateFleet of type instant answers within seconds, or not at all.
const launchDeadline = 30 * time.Second

// attachMost is how many instances attach in one transaction: each is up to two writes, beside the launch's two.
const attachMost = 40

// inflight keeps this replica from repeating a call that it is waiting for.
type inflight struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (f *inflight) begin(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[string]bool{}
	}
	if f.ids[id] {
		return false
	}
	f.ids[id] = true
	return true
}

func (f *inflight) end(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.ids, id)
}

// freeze makes the bytes that every repeat of the launch sends (rule 2.2).
func (c *Controller) freeze(l fleet.Launch, spec fleet.Spec) []byte {
	r := provider.Request{LaunchID: l.ID, Site: l.Site, Market: l.Market, Spec: spec, Count: l.Count}
	if l.Place != nil {
		r.Pool = l.Place.Pool
	}
	if f, ok := c.Provider.(provider.Freezer); ok {
		frozen, err := f.Freeze(r)
		if err != nil { // the call will be refused for the same reason, and its places with it
			c.Logger.Warn("a launch cannot be prepared", "launch", l.ID, "error", err)
		} else {
			r.Frozen = frozen
		}
	}
	b, err := json.Marshal(r)
	if err != nil { // plain data
		panic("controller: " + err.Error())
	}
	return b
}

// call makes a launch's call, or repeats it, and applies the answer.
func (c *Controller) call(ctx context.Context, id string) {
	if !c.calls.begin(id) {
		return
	}
	defer c.calls.end(id)
	if err := c.callOnce(ctx, id); err != nil && ctx.Err() == nil {
		c.Observer.FellBack(FallbackRepeat)
		c.Logger.WarnContext(ctx, "a launch got no answer and will be repeated with the same bytes", "launch", id, "error", err)
	}
}

func (c *Controller) callOnce(ctx context.Context, id string) error {
	kept, err := c.Records.Launch(ctx, id)
	if err != nil {
		return err
	}
	l := kept.V
	if !kept.Exists() || l.Settled() {
		return nil
	}
	now := c.Clock.Now()
	if now.Sub(l.Created) >= fleet.LaunchGivenUp {
		return c.settleByListing(ctx, l)
	}
	if !now.Before(l.NextCall) { // a repeat: note it first
		if err := c.Records.Commit(ctx, c.Records.PutLaunch(kept, l.Called(now), keepLaunches)); err != nil {
			return err
		}
	}
	var r provider.Request
	if err := json.Unmarshal(l.Request, &r); err != nil {
		return fmt.Errorf("decoding launch request: %w", err)
	}
	callCtx, cancel := c.Clock.WithTimeout(ctx, launchDeadline)
	defer cancel()
	waits := c.arrivals.begin(id, c.Clock.Now())
	answer, err := c.Provider.Launch(callCtx, r)
	c.Observer.LaunchCalled(LaunchCall{Market: l.Market, Outcome: launchOutcome(err), Waits: waits})
	switch {
	case errors.Is(err, provider.ErrInvalid), errors.Is(err, provider.ErrTokenReused):
		answer = provider.Answer{Errors: []provider.LaunchError{{Code: "InvalidRequest", Message: err.Error(), Count: l.Count}}}
	case err != nil:
		return fmt.Errorf("calling the provider: %w", err)
	}
	return c.applyAnswer(ctx, id, answer)
}

// settleByListing ends a launch that was not answered for ten minutes (rule 2.4).
func (c *Controller) settleByListing(ctx context.Context, l fleet.Launch) error {
	c.Observer.FellBack(FallbackSettled)
	listCtx, cancel := c.Clock.WithTimeout(ctx, listDeadline)
	defer cancel()
	instances, err := c.Provider.List(listCtx, l.Site)
	if err != nil {
		return fmt.Errorf("listing instances to settle launch %s: %w", l.ID, err)
	}
	var answer provider.Answer
	for _, i := range instances {
		if i.LaunchID == l.ID && i.State.Live() {
			answer.Instances = append(answer.Instances, i)
		}
	}
	if n := l.Count - len(answer.Instances); n > 0 {
		answer.Errors = []provider.LaunchError{{Code: "Unanswered", Message: "the provider did not answer for ten minutes", Count: n}}
	}
	return c.applyAnswer(ctx, l.ID, answer)
}

// applyAnswer attaches every instance of the answer, then writes what failed (rule 2.4).
func (c *Controller) applyAnswer(ctx context.Context, id string, a provider.Answer) error {
	for chunk := range slices.Chunk(a.Instances, attachMost) {
		if err := c.attach(ctx, id, chunk); err != nil {
			return err
		}
	}
	return c.retry(ctx, func() error {
		kept, err := c.Records.Launch(ctx, id)
		if err != nil {
			return err
		}
		if !kept.Exists() {
			return nil
		}
		l := kept.V
		failed := l.Outstanding()
		if failed == 0 && !l.Answered.IsZero() {
			return nil
		}
		l.Answered = c.Clock.Now()
		l.Failed += failed
		for _, e := range a.Errors {
			l.Codes = append(l.Codes, e.Code)
		}
		writes := [][]store.Write{c.Records.PutLaunch(kept, l, keepLaunches)}
		more, err := c.failedPlaces(ctx, l, failed, a.Errors)
		if err != nil {
			return err
		}
		if err := c.Records.Commit(ctx, append(writes, more...)...); err != nil {
			return err
		}
		if failed > 0 {
			c.observeFailed(l.Market, failed, a.Errors)
			c.Logger.WarnContext(ctx, "places of a launch failed", "launch", id, "failed", failed, "codes", l.Codes, "errors", errorTexts(a.Errors))
			c.hints.now(l.Shape)
		}
		return nil
	})
}

func errorTexts(errs []provider.LaunchError) string {
	texts := make([]string, len(errs))
	for i, e := range errs {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// failedPlaces gives the failed places' room back and rests the market (rule 2.6).
func (c *Controller) failedPlaces(ctx context.Context, l fleet.Launch, failed int, errs []provider.LaunchError) ([][]store.Write, error) {
	head, err := c.Records.Head(ctx, l.Shape)
	if err != nil {
		return nil, err
	}
	h := head.V
	if failed == 0 {
		if !hasBackoff(h, l) {
			return nil, nil
		}
		h.Backoffs = withoutMarket(h, l)
		return [][]store.Write{c.Records.PutHead(head, h)}, nil
	}
	live, err := c.Records.Live(ctx, l.Site.Environment)
	if err != nil {
		return nil, err
	}
	writes := [][]store.Write{c.Records.PutLive(live, l.Site.Environment, record.Live{Count: max(0, live.V.Count-failed)})}
	if len(errs) == 0 {
		errs = []provider.LaunchError{{Code: codeMissing, Message: "the provider created fewer machines than asked for and gave no reason"}}
	}
	for _, e := range errs {
		h = backOff(h, l.Site.Region, l.Market, e.Code, e.Message, c.Clock.Now())
	}
	return append(writes, c.Records.PutHead(head, h)), nil
}

// attach puts machines of a launch, if absent, while it has places (rule 2.3). Instances beyond its count stay rowless.
func (c *Controller) attach(ctx context.Context, id string, instances []provider.Instance) error {
	return c.retry(ctx, func() error {
		kept, err := c.Records.Launch(ctx, id)
		if err != nil {
			return err
		}
		if !kept.Exists() {
			return nil
		}
		l := kept.V
		head, err := c.Records.Head(ctx, l.Shape)
		if err != nil {
			return err
		}
		now := c.Clock.Now()
		var writes [][]store.Write
		for _, i := range instances {
			mid := fleet.MachineID{Site: l.Site, ID: i.ID}
			row, err := c.Records.Machine(ctx, mid)
			if err != nil {
				return err
			}
			if row.Exists() {
				continue
			}
			if l.Settled() {
				c.Logger.WarnContext(ctx, "an instance is beyond its launch's count and will be ended", "launch", id, "instance", i.ID)
				continue
			}
			l.Attached++
			m := fleet.Machine{
				ID: mid, Launch: id, Shape: l.Shape, OS: head.V.Shape.Spec.OS, Type: i.Type, Market: l.Market,
				Launched: launchedAt(i, now), Place: l.Place,
			}.To(fleet.MachineStarting, now, "Launched by "+id+".")
			writes = append(writes, c.putMachine(row, m))
		}
		if len(writes) == 0 {
			return nil
		}
		writes = append(writes, c.Records.PutLaunch(kept, l, keepLaunches))
		if err := c.Records.Commit(ctx, writes...); err != nil {
			return err
		}
		c.Observer.PlacesSettled(Places{Market: l.Market, Count: l.Attached - kept.V.Attached})
		return nil
	})
}

func launchedAt(i provider.Instance, now time.Time) time.Time {
	if i.Launched.IsZero() || i.Launched.After(now) {
		return now
	}
	return i.Launched
}

// retry starts over while other writers are faster.
func (c *Controller) retry(ctx context.Context, f func() error) error {
	var err error
	for range reconcileTries {
		if err = f(); !store.IsConflict(err) {
			return err
		}
		if sleepErr := c.Clock.Sleep(ctx, c.jitter(20*time.Millisecond)); sleepErr != nil {
			return sleepErr
		}
	}
	return err
}
