package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

// fault is what becomes of one call; none with a nil do.
type fault struct {
	name string
	do   awsfault.Fault
}

func faults() []fault {
	return []fault{
		{"none", nil},
		{"refused", awsfault.LostRequest},
		{"cut", awsfault.LostAnswer},
		{"late", late},
		{"broken", awsfault.Done(awsfault.Refuses(http.StatusInternalServerError, "InternalServerError"))},
		{"slowed down", awsfault.Done(awsfault.Refuses(http.StatusBadRequest, "ProvisionedThroughputExceededException"))}, // says that it was throttled
		{"throttled", awsfault.Refuses(http.StatusBadRequest, "ThrottlingException")},
	}
}

// late is an answer that comes after the deadline, without the wait for it.
func late(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	_, err := awsfault.LostAnswer(r, next)
	return nil, fmt.Errorf("%w (%w)", context.DeadlineExceeded, err)
}

// faulty is a network between the store and DynamoDB. Choose decides over every call in turn.
type faulty struct {
	http   aws.HTTPClient
	mu     sync.Mutex
	choose func() awsfault.Fault
}

// RoundTrip makes a call without faults.
func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) { return f.http.Do(r) }

func (f *faulty) Do(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	do := f.choose()
	f.mu.Unlock()
	if do == nil {
		return f.http.Do(r)
	}
	return do(r, f)
}

// once applies the fault to the next call only.
func once(what fault) func() awsfault.Fault {
	return func() awsfault.Fault {
		this := what.do
		what.do = nil
		return this
	}
}

func never() awsfault.Fault { return nil }

// throughFaults returns the store of a new table behind a network that is still in order.
func throughFaults(t *testing.T, cfg aws.Config) (*dynamodb.Store, *faulty) {
	t.Helper()
	network := &faulty{http: cfg.HTTPClient, choose: never}
	cfg.HTTPClient = network
	return open(t, cfg, dynamodb.Options{}), network
}

// failure mode E9
func TestALostAnswerNeitherLosesNorDoublesAWrite(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		s, network := throughFaults(t, cfg)
		for _, what := range faults() {
			t.Run(what.name, func(t *testing.T) {
				key := func(sort string) store.Key { return store.Key{Partition: what.name, Sort: sort} }
				row := func(sort string) store.Row { return store.Row{Key: key(sort), Value: []byte(sort)} }
				want := map[string]uint64{}
				for i, step := range []struct {
					writes []store.Write
					want   map[string]uint64
				}{
					{[]store.Write{store.Put(row("a"), store.Absent())}, map[string]uint64{"a": 1}},
					{[]store.Write{store.Put(row("a"), store.At(1))}, map[string]uint64{"a": 2}},
					{[]store.Write{store.Put(row("a"), store.Any())}, map[string]uint64{"a": 3}},
					{[]store.Write{store.Put(row("a"), store.Present()), store.Put(row("b"), store.Absent())}, map[string]uint64{"a": 4, "b": 1}},
					{[]store.Write{store.Check(key("a"), store.At(4)), store.Delete(key("b"), store.At(1))}, map[string]uint64{"b": 0}},
					{[]store.Write{store.Delete(key("a"), store.Present())}, map[string]uint64{"a": 0}},
				} {
					network.choose = once(what)
					if err := s.Transact(t.Context(), step.writes); err != nil {
						t.Fatalf("step %d: %v", i, err)
					}
					network.choose = never
					maps.Copy(want, step.want)
					for sort, version := range want {
						if got := versionOf(t, s, key(sort)); got != version {
							t.Errorf("step %d: %s has version %d, want %d", i, sort, got, version)
						}
					}
				}
			})
		}
	})
}

func TestReadsGoThroughFaults(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		s, network := throughFaults(t, cfg)
		key := store.Key{Partition: "p", Sort: "s"}
		put := store.Put(store.Row{Key: key, Index1: store.Key{Partition: "i", Sort: "1"}}, store.Any())
		if err := s.Transact(t.Context(), []store.Write{put}); err != nil {
			t.Fatal(err)
		}
		for _, what := range faults() {
			network.choose = once(what)
			if _, err := s.Get(t.Context(), key); err != nil {
				t.Errorf("Get, %s: %v", what.name, err)
			}
			network.choose = once(what)
			if page, err := s.Query(t.Context(), store.Query{Partition: "p"}); err != nil || len(page.Rows) != 1 {
				t.Errorf("Query, %s: %d rows, %v", what.name, len(page.Rows), err)
			}
			network.choose = once(what)
			if page, err := s.Index(t.Context(), store.Index1, store.Query{Partition: "i"}); err != nil || len(page.Rows) != 1 {
				t.Errorf("Index, %s: %d rows, %v", what.name, len(page.Rows), err)
			}
		}
	})
}

func versionOf(t *testing.T, s store.Store, key store.Key) uint64 {
	row, err := s.Get(t.Context(), key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Get(%s): %v", key, err)
	}
	return row.Version
}

// Several writers append to one list, each append with a row of its own, through a network that fails every second call. What
// was acknowledged is in the list once, what was refused is not, and what is unknown is in the list exactly if its row is.
//
// failure mode E9
func TestWritersThroughABadNetworkLoseAndDoubleNothing(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		s, network := throughFaults(t, cfg)
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				network.choose = func() awsfault.Fault {
					if random.IntN(2) == 0 {
						return nil
					}
					return faults()[random.IntN(len(faults()))].do
				}
				w := &appending{store: s, partition: fmt.Sprint("list ", seed), outcome: map[string]error{}}
				var wg sync.WaitGroup
				for writer := range 4 {
					wg.Go(func() {
						for i := range 6 {
							w.append(fmt.Sprintf("%d.%d", writer, i))
						}
					})
				}
				wg.Wait()
				network.choose = never
				w.verify(t)
			})
		}
	})
}

type appending struct {
	store     store.Store
	partition string

	mu      sync.Mutex
	outcome map[string]error // the last attempt's, by entry
}

func (w *appending) key(sort string) store.Key { return store.Key{Partition: w.partition, Sort: sort} }

// append reads the list and writes it with one more entry, until it is known whether that was done or the outcome is unknown.
func (w *appending) append(entry string) {
	ctx := context.Background()
	for {
		list, err := w.store.Get(ctx, w.key("list"))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			continue
		}
		list.Key, list.Value = w.key("list"), append(list.Value, (entry+" ")...)
		err = w.store.Transact(ctx, []store.Write{
			store.Put(list, store.At(list.Version)), store.Put(store.Row{Key: w.key("entry/" + entry)}, store.Absent()),
		})
		if _, missing := w.store.Get(ctx, w.key("entry/"+entry)); store.IsConflict(err) && missing != nil {
			continue
		}
		w.mu.Lock()
		w.outcome[entry] = err
		w.mu.Unlock()
		return
	}
}

func (w *appending) verify(t *testing.T) {
	list, err := w.store.Get(t.Context(), w.key("list"))
	if err != nil {
		t.Fatalf("reading the list: %v", err)
	}
	count := map[string]int{}
	for entry := range strings.FieldsSeq(string(list.Value)) {
		count[entry]++
	}
	if int(list.Version) != len(count) {
		t.Errorf("the list has version %d and %d entries", list.Version, len(count))
	}
	want := map[string]int{}
	for entry, err := range w.outcome {
		exists := versionOf(t, w.store, w.key("entry/"+entry)) == 1
		switch {
		case err == nil && !exists:
			t.Errorf("%s was acknowledged and is lost", entry)
		case store.IsConflict(err):
			t.Errorf("%s was refused and is written", entry)
		}
		if exists {
			want[entry] = 1
		}
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("entries of the list (-want +got):\n%s", diff)
	}
}
