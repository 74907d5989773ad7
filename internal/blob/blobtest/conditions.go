package blobtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/blob"
)

func putIf(ctx context.Context, s blob.Store, key, body string, c blob.Condition) (blob.Info, error) {
	return s.PutIf(ctx, key, strings.NewReader(body), c)
}

func testConditions(t *testing.T, h Harness) {
	large := strings.Repeat("0123456789", max(h.Large/10, 500_000))
	for name, body := range map[string]string{"small": "body", "large": large} {
		t.Run(name+" bodies", func(t *testing.T) {
			s := h.Open(t)
			first, err := putIf(t.Context(), s, "a", body, blob.Absent())
			if err != nil {
				t.Fatalf("where nothing is: %v", err)
			}
			if _, err := putIf(t.Context(), s, "a", "other", blob.Absent()); !errors.Is(err, blob.ErrChanged) {
				t.Errorf("Absent where an object is = %v, want ErrChanged", err)
			}
			wantBody(t, s, "a", body)
			second, err := putIf(t.Context(), s, "a", body+"2", blob.Unchanged(first.Tag))
			if err != nil {
				t.Fatalf("Unchanged of the present object: %v", err)
			}
			if second.Tag == first.Tag {
				t.Errorf("two objects have the tag %q", first.Tag)
			}
			if _, err := putIf(t.Context(), s, "a", body+"3", blob.Unchanged(first.Tag)); !errors.Is(err, blob.ErrChanged) {
				t.Errorf("Unchanged of a former object = %v, want ErrChanged", err)
			}
			wantBody(t, s, "a", body+"2")
			if _, err := putIf(t.Context(), s, "a", "always", blob.Always()); err != nil {
				t.Errorf("Always: %v", err)
			}
			wantBody(t, s, "a", "always")
			if _, err := putIf(t.Context(), s, "none", body, blob.Unchanged(first.Tag)); !errors.Is(err, blob.ErrChanged) {
				t.Errorf("Unchanged where nothing is = %v, want ErrChanged", err)
			}
			if got, err := keys(t.Context(), s, "", 0); err != nil || len(got) != 1 {
				t.Errorf("List = %v, %v; want the one object", got, err)
			}
		})
	}
	t.Run("a reader's tag is that of the writer", func(t *testing.T) {
		s := h.Open(t)
		stored := put(t, s, "a", "1")
		_, read, err := get(t.Context(), s, "a")
		if err != nil || read.Tag != stored.Tag {
			t.Errorf("tags %q and %q, %v", stored.Tag, read.Tag, err)
		}
		if put(t, s, "a", "2").Tag == stored.Tag {
			t.Error("another body of the same size has the same tag")
		}
	})
	t.Run("of many who create an object, one does", func(t *testing.T) {
		s := h.Open(t)
		var made atomic.Int64
		var winner atomic.Value
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				body := fmt.Sprint(i)
				_, err := putIf(t.Context(), s, "a", body, blob.Absent())
				if err == nil {
					made.Add(1)
					winner.Store(body)
				} else if !errors.Is(err, blob.ErrChanged) {
					t.Errorf("PutIf: %v", err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 {
			t.Fatalf("%d of them did", made.Load())
		}
		wantBody(t, s, "a", winner.Load().(string))
	})
}
