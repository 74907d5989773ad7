package memory_test

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	for _, lag := range []time.Duration{0, 300 * time.Millisecond} {
		t.Run(fmt.Sprintf("index lag %s", lag), func(t *testing.T) {
			clock := seamtest.NewClock()
			storetest.Run(t, storetest.Harness{
				Open:    func(*testing.T) store.Store { return memory.New(clock, memory.Options{IndexLag: lag}) },
				Advance: func(d time.Duration) { clock.Advance(d) }, Now: clock.Now, Settle: func() { clock.Advance(lag) },
			})
		})
	}
}

func TestIndexesLag(t *testing.T) {
	clock := seamtest.NewClock()
	s := memory.New(clock, memory.Options{IndexLag: time.Second})
	put := func(value string) {
		row := store.Row{Key: store.Key{Partition: "p", Sort: "s"}, Value: []byte(value), Index1: store.Key{Partition: "i", Sort: "s"}}
		if err := s.Transact(t.Context(), []store.Write{store.Put(row, store.Any())}); err != nil {
			t.Fatal(err)
		}
	}
	indexed := func() string {
		page, err := s.Index(t.Context(), store.Index1, store.Query{Partition: "i"})
		if err != nil {
			t.Fatal(err)
		}
		values := ""
		for _, row := range page.Rows {
			values += string(row.Value)
		}
		return values
	}
	steps := []struct {
		write   string
		advance time.Duration
		want    string
	}{
		{"a", 0, ""},
		{"", 999 * time.Millisecond, ""},
		{"b", time.Millisecond, "a"},
		{"", 998 * time.Millisecond, "a"},
		{"", time.Millisecond, "b"},
	}
	for i, step := range steps {
		if step.write != "" {
			put(step.write)
		}
		clock.Advance(step.advance)
		if got := indexed(); got != step.want {
			t.Errorf("step %d: the index shows %q, want %q", i, got, step.want)
		}
	}
}

// A page of the strict store counts what it read, as DynamoDB does, so it may have fewer rows than its limit, even none,
// and more to come.
func TestPagesCountWhatTheyRead(t *testing.T) {
	clock := seamtest.NewClock()
	s := memory.New(clock, memory.Options{})
	for i := range 3 {
		row := store.Row{Key: store.Key{Partition: "p", Sort: fmt.Sprint(i)}}
		if i < 2 {
			row.Expires = clock.Now().Add(time.Second)
		}
		if err := s.Transact(t.Context(), []store.Write{store.Put(row, store.Any())}); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(time.Second)
	page, err := s.Query(t.Context(), store.Query{Partition: "p", Limit: 2})
	if err != nil || len(page.Rows) != 0 || page.Next == "" {
		t.Errorf("page of %d rows, Next %q, %v; want an empty page with a Next", len(page.Rows), page.Next, err)
	}
	page, err = s.Query(t.Context(), store.Query{Partition: "p", Limit: 1, Cursor: page.Next})
	if err != nil || len(page.Rows) != 1 || page.Next == "" {
		t.Errorf("page of %d rows, Next %q, %v; want one row and a Next", len(page.Rows), page.Next, err)
	}
}

func TestClosed(t *testing.T) {
	s := memory.New(seamtest.NewClock(), memory.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), store.Key{Partition: "p", Sort: "s"}); err == nil {
		t.Error("Get on a closed store succeeded")
	}
}
