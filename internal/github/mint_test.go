package github_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const (
	mintPath = "POST /repos/octo-org/app/actions/runners/generate-jitconfig"
	minted   = `{"runner":{"id":23,"name":"m-1","os":"unknown","status":"offline","busy":false,"labels":[]},"encoded_jit_config":"c2VjcmV0"}`
)

func mintRequest() controller.MintRequest {
	return controller.MintRequest{Repository: repo(), Name: "m-1", Labels: []string{"runs-fleet=1/cpu=4", "Linux"}}
}

func TestMintAsksForExactlyTheLabels(t *testing.T) { // rule 4.1, failure mode A13
	h := newHub(t)
	h.on(mintPath, always(http.StatusCreated, minted))
	got, err := h.client().Mint(t.Context(), mintRequest())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(controller.Registration{ID: 23, Name: "m-1", JITConfig: "c2VjcmV0"}, got); diff != "" {
		t.Errorf("registration (-want +got):\n%s", diff)
	}
	want := map[string]any{"name": "m-1", "runner_group_id": float64(1), "labels": []any{"runs-fleet=1/cpu=4", "Linux"}}
	if diff := cmp.Diff(want, decode[map[string]any](t, h.requests("generate-jitconfig")[0].Body)); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// outcome names the class of Mint's error.
func outcome(err error) string {
	var (
		refused *controller.RefusedError
		budget  *controller.BudgetError
	)
	switch {
	case err == nil:
		return "minted"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &budget):
		return "not made"
	case errors.Is(err, controller.ErrNameTaken):
		return "name taken"
	default:
		return "unknown"
	}
}

func TestMintIsNeverRepeatedBlindly(t *testing.T) { // rule 4.2
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
		calls  int
	}{
		{"the name exists", always(409, `{"message":"Already exists - A runner with the name *** already exists."}`), "name taken", 1},
		{"no permission", always(403, `{"message":"Resource not accessible by integration"}`), "refused", 1},
		{"no repository", always(404, `{"message":"Not Found"}`), "refused", 1},
		{"labels refused", always(422, `{"message":"Validation Failed","errors":[{"resource":"Runner","field":"labels","code":"invalid"}]}`), "refused", 1},
		{"a personal token is refused", always(401, `{"message":"Bad credentials"}`), "refused", 1},
		{"an error inside GitHub", always(500, `oops`), "unknown", 1},
		{"a gateway's error", always(502, `<html>bad gateway</html>`), "unknown", 1},
		{"unavailable", always(503, `{}`), "unknown", 1},
		{"the connection breaks", always(broken, ``), "unknown", 1},
		{"an answer that is cut off", always(201, minted[:60]), "unknown", 1},
		{"an empty answer", always(201, ``), "unknown", 1},
		{"another runner's name", always(201, strings.Replace(minted, "m-1", "m-2", 1)), "unknown", 1},
		{"no configuration", always(201, strings.Replace(minted, "c2VjcmV0", "", 1)), "unknown", 1},
		{"too many requests", always(429, `{}`), "not made", 1},
		{"moved for good, which would become a GET", always(301, `{}`, "Location", "https://api.github.com/repositories/31/x"), "unknown", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHub(t)
			h.on(mintPath, tt.answer)
			h.on("/repositories/31/x", always(200, minted))
			_, err := h.client().Mint(t.Context(), mintRequest())
			if got := outcome(err); got != tt.want {
				t.Errorf("%s (%v), want %s", got, err, tt.want)
			}
			if n := len(h.requests("")); n != tt.calls {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
		})
	}
}

func TestMintSaysWhatGitHubRefused(t *testing.T) { // rule 4.6
	h := newHub(t)
	h.on(mintPath, always(422, `{"message":"Validation Failed","errors":[{"resource":"Runner","field":"labels","code":"invalid"}]}`))
	_, err := h.client().Mint(t.Context(), mintRequest())
	if err == nil || !strings.Contains(err.Error(), "Runner labels invalid") {
		t.Errorf("error %v does not say which field", err)
	}
}

func TestMintWithoutAnAnswerIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on(mintPath, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start := time.Now()
		_, err := h.client().Mint(t.Context(), mintRequest())
		if outcome(err) != "unknown" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want an unknown outcome after the deadline", err)
		}
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("waited %s", took)
		}
	})
}

func TestMintThatWasNeverSentBurnsNoName(t *testing.T) {
	t.Run("no connection", func(t *testing.T) {
		c, err := github.New(github.Options{BaseURL: "http://127.0.0.1:1/", Token: "t", Clock: seam.System{}, Random: seam.Crypto{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Mint(t.Context(), mintRequest()); outcome(err) != "not made" {
			t.Errorf("%v, want that it was not made", err)
		}
	})
	t.Run("no token", func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on("POST /app/installations/12/access_tokens", always(503, `{}`))
		if _, err := h.client(asApp).Mint(t.Context(), mintRequest()); outcome(err) != "not made" {
			t.Errorf("%v, want that it was not made", err)
		}
	})
	t.Run("the App lacks the permission", func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on("POST /app/installations/12/access_tokens",
			always(422, `{"message":"The permissions requested are not granted to this installation."}`))
		_, err := h.client(asApp).Mint(t.Context(), mintRequest())
		if outcome(err) != "refused" || !strings.Contains(err.Error(), "not granted") {
			t.Errorf("%v, want a refusal with its reason", err)
		}
	})
	t.Run("the App is not installed", func(t *testing.T) {
		_, err := newHub(t).client(asApp).Mint(t.Context(), mintRequest())
		if outcome(err) != "refused" || !strings.Contains(err.Error(), "install it") {
			t.Errorf("%v, want a refusal with its remedy", err)
		}
	})
	t.Run("a runner group", func(t *testing.T) {
		r := mintRequest()
		r.Group = "prod"
		if _, err := newHub(t).client().Mint(t.Context(), r); outcome(err) != "refused" {
			t.Errorf("%v, want a refusal", err)
		}
	})
	t.Run("a name that is a path", func(t *testing.T) {
		h := newHub(t)
		r := mintRequest()
		r.Repository.Name = "../x"
		if _, err := h.client().Mint(t.Context(), r); outcome(err) != "refused" || len(h.requests("")) != 0 {
			t.Errorf("%v, want a refusal without a call", err)
		}
	})
}
