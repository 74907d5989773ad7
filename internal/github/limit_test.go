package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

const (
	jobPath  = "GET /repos/octo-org/app/actions/jobs/5"
	endedJob = `{"id":5,"run_id":6,"status":"completed"}`
)

// heldFor asserts that err holds calls back for d from now, for this reason.
func heldFor(t *testing.T, err error, d time.Duration, reason string) {
	t.Helper()
	var budget *controller.BudgetError
	if !errors.As(err, &budget) {
		t.Fatalf("%v, want a budget error", err)
	}
	if got := time.Until(budget.Until).Round(time.Second); got != d || budget.Reason != reason {
		t.Errorf("held for %s (%s), want %s (%s)", got, budget.Reason, d, reason)
	}
}

func TestARefusalByALimit(t *testing.T) { // rule 4.7, failure modes H4, M3
	in := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	tests := []struct {
		name   string
		answer func() http.HandlerFunc
		held   time.Duration
		reason string
	}{
		{"names seconds", func() http.HandlerFunc { return always(403, `{}`, "Retry-After", "120") }, 2 * time.Minute, "secondary limit"},
		{"names a date", func() http.HandlerFunc {
			return always(429, `{}`, "Retry-After", time.Now().UTC().Add(90*time.Second).Format(http.TimeFormat))
		}, 90 * time.Second, "secondary limit"},
		{"has nothing remaining", func() http.HandlerFunc {
			return always(403, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(10*time.Minute))
		}, 10 * time.Minute, "primary limit"},
		{"by GitHub's clock, which is another", func() http.HandlerFunc {
			return always(403, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(10*time.Minute),
				"Date", time.Now().UTC().Add(4*time.Minute).Format(http.TimeFormat))
		}, 6 * time.Minute, "primary limit"},
		{"only says so", func() http.HandlerFunc {
			return always(403, `{"message":"You have exceeded a secondary rate limit."}`, "X-RateLimit-Remaining", "4000", "X-RateLimit-Reset", in(time.Hour))
		}, time.Minute, "secondary limit"},
		{"says nothing at all", func() http.HandlerFunc { return always(429, ``) }, time.Minute, "secondary limit"},
		{"asks for years", func() http.HandlerFunc { return always(403, `{}`, "Retry-After", "999999999999") }, time.Hour, "secondary limit"},
		{"lies in the past", func() http.HandlerFunc {
			return always(429, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1")
		}, time.Second, "primary limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t)
				h.on(jobPath, series(tt.answer(), always(200, endedJob)))
				c := h.client()
				_, err := c.Job(t.Context(), repo(), 5)
				heldFor(t, err, tt.held, tt.reason)

				sleep(t, tt.held-time.Second)
				if tt.held > time.Second {
					_, err = c.Job(t.Context(), repo(), 5)
					heldFor(t, err, time.Second, tt.reason)
				}
				if n := len(h.requests("")); n != 1 {
					t.Errorf("%d calls while held back, want 1", n)
				}
				sleep(t, time.Second)
				if _, err = c.Job(t.Context(), repo(), 5); err != nil {
					t.Errorf("after the pause: %v", err)
				}
			})
		})
	}
}

func TestRefusalsWithoutATimeDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on(jobPath, always(429, `{}`))
		c := h.client()
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			_, err := c.Job(t.Context(), repo(), 5)
			heldFor(t, err, pause*time.Minute, "secondary limit")
			sleep(t, pause*time.Minute)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		limited, fine := always(429, `{}`), always(200, endedJob)
		h.on(jobPath, series(limited, limited, fine, limited)) //nolint:gocritic // twice in a row is the point
		c := h.client()
		for _, pause := range []time.Duration{1, 2, 0, 1} {
			if _, err := c.Job(t.Context(), repo(), 5); pause != 0 {
				heldFor(t, err, pause*time.Minute, "secondary limit")
			}
			sleep(t, pause*time.Minute)
		}
	})
}

func TestALackOfPermissionIsNoLimit(t *testing.T) { // failure mode H4
	h := newHub(t)
	h.on(jobPath, always(403, `{"message":"Resource not accessible by integration"}`, "X-RateLimit-Remaining", "4000", "X-RateLimit-Reset", "1"))
	c := h.client()
	for range 2 {
		if _, err := c.Job(t.Context(), repo(), 5); outcome(err) != "refused" {
			t.Errorf("%v, want a refusal", err)
		}
	}
	if n := len(h.requests("")); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestTheLastCallOfAnHourHoldsTheNextBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on(jobPath, always(200, endedJob, "X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", "0",
			"X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(7*time.Minute).Unix(), 10)))
		c := h.client()
		if _, err := c.Job(t.Context(), repo(), 5); err != nil {
			t.Fatal(err)
		}
		_, err := c.Job(t.Context(), repo(), 5)
		heldFor(t, err, 7*time.Minute, "primary limit")
		usage := c.Usage()
		if len(usage) != 1 || usage[0].Calls["jobs"] != 1 || usage[0].Limits[0].Limit != 5000 || usage[0].Reason != "primary limit" {
			t.Errorf("usage %+v", usage)
		}
		if n := usage[0].Answers["jobs"]["2xx"]; n != 1 { // the call that was held back is none
			t.Errorf("%d answered questions for jobs, want 1", n)
		}
	})
}

func TestAnswersAreCountedByClass(t *testing.T) {
	h := newHub(t)
	h.on(jobPath, series(always(404, `{}`), always(502, `{}`), always(429, `{}`, "Retry-After", "5")))
	c := h.client()
	for range 3 {
		_, _ = c.Job(t.Context(), repo(), 5)
	}
	got := c.Usage()[0].Answers["jobs"]
	for status, want := range map[string]uint64{"2xx": 0, "4xx": 1, "5xx": 1, "limited": 1, "no_answer": 0} {
		if got[status] != want {
			t.Errorf("%d answers of class %s, want %d", got[status], status, want)
		}
	}
}

func TestTheRegistrationsOwnBucketHoldsOnlyMintsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on(mintPath, always(403, `{}`, "X-RateLimit-Resource", "actions_runner_registration", "X-RateLimit-Remaining", "0",
			"X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(5*time.Minute).Unix(), 10)))
		h.on(jobPath, always(200, endedJob))
		c := h.client()
		for range 2 {
			_, err := c.Mint(t.Context(), mintRequest())
			heldFor(t, err, 5*time.Minute, "primary limit")
		}
		if n := len(h.requests("generate-jitconfig")); n != 1 {
			t.Errorf("%d mints, want 1", n)
		}
		if _, err := c.Job(t.Context(), repo(), 5); err != nil {
			t.Errorf("a read is held back too: %v", err)
		}
	})
}

func TestInstallationsHaveTheirOwnLimits(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on(jobPath, series(always(429, `{}`), always(200, endedJob)))
	c := h.client(asApp)
	one, other := repo(), repo()
	one.Installation, other.Installation = 1, 2
	if _, err := c.Job(t.Context(), one, 5); outcome(err) != "not made" {
		t.Fatalf("%v", err)
	}
	if _, err := c.Job(t.Context(), other, 5); err != nil {
		t.Errorf("another installation is held back: %v", err)
	}
	if _, err := c.Job(t.Context(), one, 5); outcome(err) != "not made" {
		t.Errorf("%v, want that it is still held back", err)
	}
}

func TestAMinuteHas180Mints(t *testing.T) { // rule 4.7, failure mode N18
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on(mintPath, always(201, minted))
		h.on(jobPath, always(200, endedJob))
		c := h.client()
		for i := range 180 {
			if _, err := c.Mint(t.Context(), mintRequest()); err != nil {
				t.Fatalf("mint %d: %v", i+1, err)
			}
		}
		_, err := c.Mint(t.Context(), mintRequest())
		if outcome(err) != "not made" {
			t.Fatalf("mint 181: %v", err)
		}
		if _, err = c.Job(t.Context(), repo(), 5); err != nil {
			t.Errorf("reads are counted apart: %v", err)
		}
		sleep(t, 61*time.Second)
		if _, err = c.Mint(t.Context(), mintRequest()); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestAMinuteHas900PointsAnEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on("GET /repos/octo-org/{repo}/actions/jobs/5", always(200, endedJob))
		c := h.client()
		refused := 0
		for i := range 1000 {
			_, err := c.Job(t.Context(), fleet.Repository{Owner: "octo-org", Name: fmt.Sprint("r", i)}, 5)
			if outcome(err) == "not made" {
				refused++
			}
		}
		if refused != 100 {
			t.Errorf("%d of 1000 reads within a minute were held back, want 100", refused)
		}
	})
}
