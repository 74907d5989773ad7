package github

import (
	"net/http"
	"strconv"
	"time"
)

// Limit is GitHub's primary limit of one resource, as its last answer told.
type Limit struct {
	Resource  string    `json:"resource"` // "core", "actions_runner_registration"
	Limit     int       `json:"limit"`    // calls in an hour
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset"` // on our clock
}

// limitOf reads the limit headers of an answer. GitHub's times are moved to our clock by the answer's Date.
func limitOf(h http.Header, now time.Time) (Limit, bool) {
	remaining, err := strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	if err != nil {
		return Limit{}, false
	}
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return Limit{}, false
	}
	limit, _ := strconv.Atoi(h.Get("X-Ratelimit-Limit")) // 0 when absent: it only informs
	resource := h.Get("X-Ratelimit-Resource")
	if resource == "" {
		resource = "core"
	}
	return Limit{
		Resource: resource, Limit: limit, Remaining: remaining,
		Reset: onOurClock(time.Unix(reset, 0).UTC(), h, now),
	}, true
}

// retryAfter reads a Retry-After header: seconds, or a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		seconds = min(max(seconds, 0), int64(longestPause/time.Second))
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(onOurClock(at.UTC(), h, now).Sub(now), 0), true
	}
	return 0, false
}

// onOurClock moves a time of GitHub's clock to ours.
func onOurClock(at time.Time, h http.Header, now time.Time) time.Time {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return at
	}
	return now.Add(at.Sub(theirs))
}
