package record_test

import (
	"errors"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

func TestAnIdentityIsMintedOnce(t *testing.T) {
	s := memory.New(seam.System{}, memory.Options{})
	r, minted := record.New(s), 0
	identity := func() (record.Identity, error) {
		return r.Identity(t.Context(), func() record.Identity {
			minted++
			return record.Identity{Fleet: "ab12cd34"}
		})
	}
	if known, err := r.KnownIdentity(t.Context()); err != nil || known.Exists() {
		t.Errorf("before the first start: %+v, %v", known, err)
	}
	for range 2 {
		if got, err := identity(); err != nil || got.Fleet != "ab12cd34" || minted != 1 {
			t.Errorf("identity = %+v, %v, minted %d times", got, err, minted)
		}
	}
	if known, err := r.KnownIdentity(t.Context()); err != nil || known.V.Fleet != "ab12cd34" {
		t.Errorf("known identity = %+v, %v", known, err)
	}
}

func TestHalfAStoreIsNotComplete(t *testing.T) {
	s := memory.New(seam.System{}, memory.Options{})
	r, note := record.New(s), store.Row{Key: store.UnfinishedImport()}
	if err := r.Complete(t.Context()); err != nil {
		t.Errorf("an empty store: %v", err)
	}
	if err := s.Transact(t.Context(), []store.Write{store.Put(note, store.Absent())}); err != nil {
		t.Fatal(err)
	}
	if err := r.Complete(t.Context()); !errors.Is(err, record.ErrUnfinishedImport) {
		t.Errorf("a store that is being imported into: %v, want ErrUnfinishedImport", err)
	}
}
