package ingress_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

type storage func(context.Context) error

func (s storage) Ready(ctx context.Context) error { return s(ctx) }

func TestReadiness(t *testing.T) { // failure mode O10
	ask := func(r *ingress.Readiness) int {
		return serve(r, httptest.NewRequest(http.MethodGet, "/readyz", nil)).Code
	}
	t.Run("says whether a delivery could be stored", func(t *testing.T) {
		var err error
		r := ingress.NewReadiness(storage(func(context.Context) error { return err }), seam.System{})
		if code := ask(r); code != http.StatusOK {
			t.Errorf("answered %d, want 200", code)
		}
		err = errors.New("disk full")
		if code := ask(r); code != http.StatusServiceUnavailable {
			t.Errorf("answered %d, want 503", code)
		}
	})
	t.Run("is refused first when shutting down", func(t *testing.T) { // failure mode A1
		r := ingress.NewReadiness(storage(func(context.Context) error { return nil }), seam.System{})
		r.Drain()
		if code := ask(r); code != http.StatusServiceUnavailable {
			t.Errorf("answered %d, want 503", code)
		}
	})
	t.Run("does not wait for a queue that hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := ingress.NewReadiness(storage(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), seam.System{})
			if code := ask(r); code != http.StatusServiceUnavailable {
				t.Errorf("answered %d, want 503", code)
			}
		})
	})
}
