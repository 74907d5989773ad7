package githubsim

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// limiter counts requests against GitHub's primary limit (an hour, by token) and secondary limit (points a minute, by
// token and endpoint).
type limiter struct {
	limits Limits
	core   map[string]*window
	points map[string]*window
}

// GitHub's pages about its limits, by which clients tell the one from the other.
const (
	primaryLimits   = "/overview/rate-limits-for-the-rest-api"
	secondaryLimits = "/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
)

type window struct {
	start time.Time
	used  int
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, core: map[string]*window{}, points: map[string]*window{}}
}

func within(windows map[string]*window, key string, length time.Duration, now time.Time) *window {
	w := windows[key]
	if w == nil || now.Sub(w.start) >= length {
		w = &window{start: now}
		windows[key] = w
	}
	return w
}

func (l *limiter) coreLimit(p *principal) int {
	if p.kind == anonymous {
		return l.limits.Anonymous
	}
	return l.limits.Core
}

// admit charges one request, or refuses it.
func (l *limiter) admit(p *principal, e endpoint, now time.Time) *apiError {
	if e.name == "rate-limit" {
		return nil
	}
	core := within(l.core, p.key, coreWindow, now)
	if core.used >= l.coreLimit(p) {
		return &apiError{status: l.limits.Status, message: "API rate limit exceeded for " + p.key + ".", documentation: primaryLimits}
	}
	points := within(l.points, p.key+" "+e.name, pointsWindow, now)
	cost := e.points()
	if points.used+cost > l.limits.Points {
		wait := points.start.Add(pointsWindow).Sub(now)
		return l.secondary(wait)
	}
	points.used += cost
	core.used++
	return nil
}

// refund gives back the primary cost of an answer 304, which GitHub does not count.
func (l *limiter) refund(p *principal, now time.Time) {
	if core := within(l.core, p.key, coreWindow, now); core.used > 0 && p.kind != anonymous {
		core.used--
	}
}

func (l *limiter) secondary(wait time.Duration) *apiError {
	e := &apiError{
		status:  l.limits.Status,
		message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
		header:  http.Header{}, documentation: secondaryLimits,
	}
	if wait > 0 {
		e.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	return e
}

func (l *limiter) headers(h http.Header, p *principal, now time.Time) {
	core := within(l.core, p.key, coreWindow, now)
	limit := l.coreLimit(p)
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(limit-core.used))
	h.Set("X-RateLimit-Used", strconv.Itoa(core.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(core.start.Add(coreWindow).Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

// registration charges one runner registration to its scope, or refuses it.
func (s *Simulator) registration(c *call) *apiError {
	if c.scope.Registered(c.now.Add(-registrationWindow)) >= s.limits.limits.Registrations {
		refused := s.limits.secondary(registrationWindow)
		refused.message = fmt.Sprintf("You have exceeded the limit of %d runner registrations in 5 minutes.", s.limits.limits.Registrations)
		return refused
	}
	c.scope.CountRegistration(c.now)
	return nil
}
