package controller

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// markets lists what a spec may be bought as, in the order in which it is tried: spot first, where there is a choice.
func (c *Controller) markets(s fleet.Spec) []fleet.Market {
	if len(c.Markets) > 0 {
		return c.Markets
	}
	if s.Market != fleet.AnyMarket {
		return []fleet.Market{s.Market}
	}
	return []fleet.Market{fleet.Spot, fleet.OnDemand}
}

func marketKey(region string, m fleet.Market) string { return region + "/" + string(m) + "/" }

// restsUntil returns until when a market rests, and the newest failure.
func restsUntil(h record.Head, region string, m fleet.Market, now time.Time) (time.Time, string) {
	var until time.Time
	text := ""
	for k, b := range h.Backoffs {
		if strings.HasPrefix(k, marketKey(region, m)) && now.Before(b.Until) && b.Until.After(until) {
			until, text = b.Until, strings.TrimPrefix(k, marketKey(region, m))+": "+b.Message
		}
	}
	return until, text
}

// market picks the first market that does not rest.
func (c *Controller) market(h record.Head, now time.Time) fleet.Market {
	all := c.markets(h.Shape.Spec)
	for _, m := range all {
		if until, _ := restsUntil(h, c.Site.Region, m, now); until.IsZero() {
			return m
		}
	}
	return all[0]
}

// resting says why no market may be tried now, or nothing.
func (c *Controller) resting(h record.Head, now time.Time) string {
	var first time.Time
	text := ""
	for _, m := range c.markets(h.Shape.Spec) {
		until, why := restsUntil(h, c.Site.Region, m, now)
		if until.IsZero() {
			return ""
		}
		if first.IsZero() || until.Before(first) {
			first, text = until, why
		}
	}
	return fmt.Sprintf("the provider could not start a machine (%s); the next try is at %s", text, first.UTC().Format("15:04:05 UTC"))
}

// backOff rests a (region, market, code): 15 s doubling to 5 minutes (rule 2.6).
func backOff(h record.Head, region string, m fleet.Market, code, message string, now time.Time) record.Head {
	k := marketKey(region, m) + code
	b := h.Backoffs[k]
	if now.Sub(b.Until) > time.Hour {
		b.Failures = 0
	}
	b.Until = now.Add(fleet.PlaceBackoff(b.Failures))
	b.Failures++
	b.Message = message
	h.Backoffs = maps.Clone(h.Backoffs)
	if h.Backoffs == nil {
		h.Backoffs = map[string]record.Backoff{}
	}
	h.Backoffs[k] = b
	return h
}

func hasBackoff(h record.Head, l fleet.Launch) bool {
	for k := range h.Backoffs {
		if strings.HasPrefix(k, marketKey(l.Site.Region, l.Market)) {
			return true
		}
	}
	return false
}

// withoutMarket forgets the failures of a market in which a whole launch succeeded.
func withoutMarket(h record.Head, l fleet.Launch) map[string]record.Backoff {
	out := maps.Clone(h.Backoffs)
	maps.DeleteFunc(out, func(k string, _ record.Backoff) bool {
		return strings.HasPrefix(k, marketKey(l.Site.Region, l.Market))
	})
	return out
}
