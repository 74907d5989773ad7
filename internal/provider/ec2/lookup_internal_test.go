package ec2

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// The machines of a launch say hello together, and EC2 counts calls.
func TestQuestionsThatComeTogetherAreOneCall(t *testing.T) {
	for _, tt := range []struct{ instances, calls int }{{1, 1}, {90, 1}, {askedAtOnce + 1, 2}} {
		synctest.Test(t, func(t *testing.T) {
			var l lookups
			var calls atomic.Int64
			list := func(_ context.Context, ids []string) (found []owned.Instance, err error) {
				calls.Add(1)
				for _, id := range ids {
					if id != "i-0" { // which is not listed
						found = append(found, owned.Instance{Instance: provider.Instance{ID: id}})
					}
				}
				return found, nil
			}
			failed := make(chan error, tt.instances)
			for n := range tt.instances {
				go func() {
					id := fmt.Sprintf("i-%d", n)
					got, err := l.ask(t.Context(), seam.System{}, id, list)
					if err == nil && (got != nil) != (n > 0) || got != nil && got.ID != id {
						err = fmt.Errorf("asking for %s: %+v", id, got)
					}
					failed <- err
				}()
			}
			for range tt.instances {
				if err := <-failed; err != nil {
					t.Error(err)
				}
			}
			if n := int(calls.Load()); n != tt.calls {
				t.Errorf("%d calls for %d instances, want %d", n, tt.instances, tt.calls)
			}
		})
	}
}

func TestAFailedCallFailsAllWhoAskedAndNobodyAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lookups
		down := errors.New("down")
		failing := func(context.Context, []string) ([]owned.Instance, error) { return nil, down }
		failed := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := l.ask(t.Context(), seam.System{}, "i-1", failing)
				failed <- err
			}()
		}
		for range 2 {
			if err := <-failed; !errors.Is(err, down) {
				t.Errorf("ask = %v", err)
			}
		}
		working := func(_ context.Context, ids []string) ([]owned.Instance, error) {
			return []owned.Instance{{Instance: provider.Instance{ID: ids[0]}}}, nil
		}
		if got, err := l.ask(t.Context(), seam.System{}, "i-1", working); err != nil || got == nil {
			t.Errorf("afterwards: ask = %v, %v", got, err)
		}
	})
}
