package controller

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// Why answers in one plain sentence why a job waits, or what became of it.
func (c *Controller) Why(ctx context.Context, id fleet.JobID) (string, error) {
	reasons, err := c.Reasons(ctx, []fleet.JobID{id})
	if err != nil {
		return "", err
	}
	return reasons[0], nil
}

// Reasons is Why for many jobs, in their order. What jobs have in common is read once.
func (c *Controller) Reasons(ctx context.Context, ids []fleet.JobID) ([]string, error) {
	now := c.Clock.Now()
	demands := map[fleet.DemandKey]fleet.DemandState{}
	views := map[fleet.ShapeKey]record.View{}
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		row, err := c.Records.Job(ctx, id)
		if err != nil {
			return nil, err
		}
		if !row.Exists() {
			return nil, ErrNoJob
		}
		j := row.V.Job
		if j.Counts() {
			if err := c.readReasons(ctx, j, demands, views, now); err != nil {
				return nil, err
			}
		}
		out = append(out, explain(j, demands[j.Demand], views[j.Shape], now))
	}
	return out, nil
}

// readReasons reads what explains a queued job, unless it has been read for another.
func (c *Controller) readReasons(
	ctx context.Context, j fleet.Job, demands map[fleet.DemandKey]fleet.DemandState, views map[fleet.ShapeKey]record.View, now time.Time,
) error {
	if _, known := demands[j.Demand]; !known {
		d, err := c.Records.Demand(ctx, j.Demand)
		if err != nil {
			return err
		}
		demands[j.Demand] = d.V
	}
	if _, known := views[j.Shape]; !known {
		v, err := c.Records.View(ctx, j.Shape, now, 2)
		if err != nil {
			return err
		}
		views[j.Shape] = v
	}
	return nil
}

// explain is Why without the reading. Pure: every state and limit has its sentence.
func explain(j fleet.Job, d fleet.DemandState, v record.View, now time.Time) string {
	switch {
	case j.Over():
		return fmt.Sprintf("It ended at %s: %s.", clock(j.Ended), orText(j.Conclusion, "no conclusion"))
	case j.Problem != nil:
		return "It is refused: " + sentence(j.Problem.Detail)
	case j.State == fleet.JobInProgress:
		return fmt.Sprintf("It has been running since %s on %s.", clock(j.Started), orText(j.Runner, "a runner that GitHub does not name"))
	case j.State == fleet.JobWaiting:
		return "GitHub holds it back: it waits for an approval or for another run of its concurrency group."
	case now.Before(j.BackoffUntil):
		return fmt.Sprintf("Two runners with exactly its labels listened for a minute each and GitHub gave it to neither; the next try is at %s.", clock(j.BackoffUntil))
	case now.Before(d.RefusedUntil):
		return fmt.Sprintf("GitHub refuses to register a runner for its labels (%s); the next try is at %s.", d.Refusal, clock(d.RefusedUntil))
	}
	return explainSupply(j, v, now)
}

// explainSupply says what is on its way to a queued job.
func explainSupply(j fleet.Job, v record.View, now time.Time) string {
	waited := now.Sub(j.Queued).Round(time.Second)
	s := supplyOf(j, v, now)
	switch {
	case s.begun > s.ahead:
		return fmt.Sprintf("A runner with its labels has begun a job; GitHub will say within seconds whether it is this one (queued for %s).", waited)
	case s.begun+s.listening > s.ahead:
		return fmt.Sprintf("A runner listens for it; GitHub has not handed it over yet (queued for %s).", waited)
	case s.begun+s.listening+s.registering > s.ahead:
		return fmt.Sprintf("A machine is being registered at GitHub for it (queued for %s).", waited)
	case v.Head.V.Limit != "":
		return fmt.Sprintf("No machine could be launched for it since %s: %s.", clock(latest(j.Queued, v.Head.V.LimitSince)), v.Head.V.Limit)
	case s.ready > 0:
		return fmt.Sprintf("A machine is ready and is being assigned (queued for %s).", waited)
	case s.starting > 0:
		return fmt.Sprintf("%s for its shape (queued for %s).", machinesAre(s.starting, "booting"), waited)
	case !s.unanswered.IsZero():
		return fmt.Sprintf("The provider has not answered since %s whether it starts a machine; the same order is repeated (queued for %s).", clock(s.unanswered), waited)
	case s.outstanding > 0:
		return fmt.Sprintf("%s from the provider (queued for %s).", machinesAre(s.outstanding, "on order"), waited)
	default:
		return fmt.Sprintf("It was queued %s ago and is about to be given a machine.", waited)
	}
}

// supply is what is on its way to a job, and the jobs that it goes to first.
type supply struct {
	ahead                         int       // queued jobs of the same demand that have waited for longer
	begun, listening, registering int       // machines of its demand
	ready, starting, outstanding  int       // machines of its shape
	unanswered                    time.Time // the oldest order that the provider has not answered for long
}

func supplyOf(j fleet.Job, v record.View, now time.Time) supply {
	var s supply
	for _, e := range v.Jobs {
		if e.Demand == j.Demand && e.Queued.Before(j.Queued) {
			s.ahead++
		}
	}
	for _, m := range v.Machines {
		held := m.HeldFor(now) == j.Demand
		switch {
		case held && m.Worker:
			s.begun++
		case held && m.State == fleet.MachineListening:
			s.listening++
		case held && m.State == fleet.MachineAssigned:
			s.registering++
		case m.Supplies(now) && m.State == fleet.MachineStarting:
			s.starting++
		case m.Supplies(now):
			s.ready++
		}
	}
	for _, l := range v.Launches {
		s.outstanding += l.Outstanding
		if l.Answered.IsZero() && now.Sub(l.Created) >= fleet.LaunchCounts && (s.unanswered.IsZero() || l.Created.Before(s.unanswered)) {
			s.unanswered = l.Created
		}
	}
	return s
}

func machinesAre(n int, what string) string {
	if n == 1 {
		return "One machine is " + what
	}
	return fmt.Sprintf("%d machines are %s", n, what)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func orText(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// sentence ends a text that may have ended already.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}
