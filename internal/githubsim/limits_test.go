package githubsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
)

func TestThePrimaryLimitIsCountedByToken(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.Limits.Core = 3
		o.PersonalTokens = append(o.PersonalTokens, githubsim.PersonalToken{Token: "ghp_other", Login: "other"})
	})
	for _, remaining := range []string{"2", "1", "0"} {
		got := w.expect(http.StatusOK, personToken, "GET", "/repos/acme/shop", nil)
		equal(t, "remaining", remaining, got.Header.Get("X-RateLimit-Remaining"))
	}
	refused := w.expect(http.StatusForbidden, personToken, "GET", "/repos/acme/shop", nil)
	equal(t, "reset", "1795525200", refused.Header.Get("X-RateLimit-Reset")) // an hour after the first call
	equal(t, "no retry-after", "", refused.Header.Get("Retry-After"))
	w.expect(http.StatusOK, "ghp_other", "GET", "/repos/acme/shop", nil)
	status := w.expect(http.StatusOK, personToken, "GET", "/rate_limit", nil).object(t)["resources"].(map[string]any)["core"].(map[string]any)
	equal(t, "rate_limit is free", []any{3.0, 0.0}, []any{status["limit"], status["remaining"]})
	w.step(time.Hour)
	w.expect(http.StatusOK, personToken, "GET", "/repos/acme/shop", nil)
}

func TestTheSecondaryLimitCountsPointsByEndpoint(t *testing.T) {
	w := start(t, func(o *githubsim.Options) { o.Limits.Points, o.Limits.Status = 10, http.StatusTooManyRequests })
	w.register("a", "x") // a write costs 5
	w.register("b", "x")
	w.step(20 * time.Second)
	body := map[string]any{"name": "c", "runner_group_id": 1, "labels": []string{"x"}}
	refused := w.expect(http.StatusTooManyRequests, personToken, "POST", runnersPath+"/generate-jitconfig", body)
	equal(t, "retry-after", "40", refused.Header.Get("Retry-After"))
	w.expect(http.StatusOK, personToken, "GET", runnersPath, nil) // another endpoint
	w.step(40 * time.Second)
	w.expect(http.StatusCreated, personToken, "POST", runnersPath+"/generate-jitconfig", body)
}

func TestFaultsOfTheAPI(t *testing.T) {
	jit := map[string]any{"name": "a", "runner_group_id": 1, "labels": []string{"x"}}
	mint := func(w *world) reply { return w.call(personToken, "POST", runnersPath+"/generate-jitconfig", jit) }
	rates := map[string]float64{"generate-jitconfig": 1}
	t.Run("5xx before anything happened", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.ServerError = rates })
		equal(t, "status", http.StatusServiceUnavailable, mint(w).Status)
		equal(t, "registrations", 0, len(w.sim.Registrations()))
		w.expect(http.StatusOK, personToken, "GET", runnersPath, nil) // other endpoints are well
	})
	t.Run("502 after success, then 409", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.ErrorAfterSuccess = rates })
		equal(t, "status", http.StatusBadGateway, mint(w).Status)
		w.sim.SetFaults(githubsim.Faults{})
		equal(t, "status", http.StatusConflict, mint(w).Status)
	})
	t.Run("secondary limit with and without retry-after", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) {
			o.Faults.SecondaryLimit, o.Faults.SecondaryRetryAfter = map[string]float64{"*": 1}, githubsim.Duration(30*time.Second)
		})
		got := mint(w)
		equal(t, "with", []any{http.StatusForbidden, "30"}, []any{got.Status, got.Header.Get("Retry-After")})
		w.sim.SetFaults(githubsim.Faults{SecondaryLimit: map[string]float64{"*": 1}})
		got = mint(w)
		equal(t, "without", []any{http.StatusForbidden, ""}, []any{got.Status, got.Header.Get("Retry-After")})
	})
}
