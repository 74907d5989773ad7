package record_test

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

func TestALoginIsRedeemedOnceAndASessionRunsOut(t *testing.T) {
	ctx, now := t.Context(), seam.System{}.Now()
	r := record.New(memory.New(seam.System{}, memory.Options{}))
	if err := r.OfferLogin(ctx, "offer", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		ok, err := r.RedeemLogin(ctx, "offer", "session", now, now.Add(time.Minute))
		if err != nil || ok != want {
			t.Errorf("attempt %d: %t, %v; want %t", i+1, ok, err, want)
		}
	}
	if until, err := r.SessionUntil(ctx, "session"); err != nil || !until.Equal(now.Add(time.Minute)) {
		t.Errorf("until %s, %v", until, err)
	}
	if until, err := r.SessionUntil(ctx, "another"); err != nil || !until.IsZero() {
		t.Errorf("a session that there is not: %s, %v", until, err)
	}
	if err := r.EndSession(ctx, "session"); err != nil {
		t.Fatal(err)
	}
	if until, err := r.SessionUntil(ctx, "session"); err != nil || !until.IsZero() {
		t.Errorf("an ended one: %s, %v", until, err)
	}
	if err := r.OfferLogin(ctx, "late", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.RedeemLogin(ctx, "late", "s", now.Add(2*time.Hour), now.Add(3*time.Hour)); ok || err != nil {
		t.Errorf("an offer that has run out: %t, %v", ok, err)
	}
}
