package dynamodb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

// total adds up what a meter accounted.
func total(m *dynamodb.Meter) (read, write float64) {
	for _, c := range m.Consumed() {
		read += c.ReadUnits
		write += c.WriteUnits
	}
	return read, write
}

// noise cannot be compressed.
func noise(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(out)
	return out
}

func TestTheMeterAccountsWhatDynamoDBLocalDoes(t *testing.T) {
	var tally awsclient.Tally
	m := dynamodb.NewMeter(open(t, awstest.Config(t, emulators.DynamoDBLocal(t)), dynamodb.Options{Tally: &tally}))
	key := store.Key{Partition: "p/1", Sort: "s"}
	first, second := store.Key{Partition: "i", Sort: "1"}, store.Key{Partition: "i", Sort: "2"}
	row := func(size int, index1, index2 store.Key) store.Row {
		return store.Row{Key: key, Value: noise(size), Index1: index1, Index2: index2}
	}
	none := store.Key{}
	for i, c := range []struct {
		name string
		w    store.Write
		want float64
	}{
		{"a row that comes", store.Put(row(10, none, none), store.Absent()), 2},
		{"a row that changes", store.Put(row(10, none, none), store.At(1)), 2},
		{"a row that enters both indexes", store.Put(row(10, first, first), store.Any()), 6},
		{"an indexed row that changes", store.Put(row(11, first, first), store.Any()), 2},
		{"a row that moves in one index", store.Put(row(10, second, first), store.Any()), 6},
		{"a row that grows", store.Put(row(1500, second, first), store.Any()), 4},
		{"a row that shrinks", store.Put(row(10, second, first), store.Any()), 4},
		{"a row that can be compressed", store.Put(store.Row{Key: key, Value: bytes.Repeat([]byte("x"), 5000), Index1: second, Index2: first}, store.Any()), 2},
		{"a row that leaves an index", store.Put(row(10, none, first), store.Any()), 4},
		{"a check", store.Check(key, store.Present()), 2},
		{"a row that goes", store.Delete(key, store.Any()), 4},
		{"a delete of nothing", store.Delete(key, store.Any()), 1},
	} {
		_, before := total(m)
		counted := tally.Counts()
		if err := m.Transact(t.Context(), []store.Write{c.w}); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		_, after := total(m)
		consumed := tally.Counts().Since(counted)[awsclient.Operation{Service: "DynamoDB", Name: "TransactWriteItems"}].WriteUnits
		if got := after - before; got != c.want || consumed != c.want {
			t.Errorf("%s: %v units accounted, %v consumed, want %v", c.name, got, consumed, c.want)
		}
	}
}

func TestTheMeterAccountsReads(t *testing.T) {
	var tally awsclient.Tally
	inner := open(t, awstest.Config(t, emulators.DynamoDBLocal(t)), dynamodb.Options{Tally: &tally})
	for i := range 5 {
		row := store.Row{Key: store.Key{Partition: "p/1", Sort: fmt.Sprint(i)}, Value: noise(3000), Index2: store.Key{Partition: "list", Sort: fmt.Sprint(i)}}
		if err := inner.Transact(t.Context(), []store.Write{store.Put(row, store.Any())}); err != nil {
			t.Fatal(err)
		}
	}
	m := dynamodb.NewMeter(inner)
	before := tally.Counts()
	if _, err := m.Get(t.Context(), store.Key{Partition: "p/1", Sort: "0"}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Query(t.Context(), store.Query{Partition: "p/1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Index(t.Context(), store.Index2, store.Query{Partition: "list", Limit: 2}); err != nil {
		t.Fatal(err)
	}
	want := []dynamodb.Consumed{
		{Place: dynamodb.Place{Partition: "p/1"}, Usage: dynamodb.Usage{Reads: 4, ReadUnits: 6}},
		{Place: dynamodb.Place{Index: store.Index2, Partition: "list"}, Usage: dynamodb.Usage{Reads: 1, ReadUnits: 0.5}},
	}
	if diff := cmp.Diff(want, m.Consumed()); diff != "" {
		t.Errorf("accounted (-want +got):\n%s", diff)
	}
	if got := tally.Counts().Since(before).Total().ReadUnits; got != 6.5 {
		t.Errorf("DynamoDB Local consumed %v units, the meter accounted 6.5", got)
	}
}

func TestPatternsAreNamedByTheirFirstWord(t *testing.T) {
	for partition, want := range map[string]string{"job/github.com/17": "job", "leases": "leases"} {
		if got := (dynamodb.Place{Partition: partition}).Pattern(); got != want {
			t.Errorf("pattern of %s = %s, want %s", partition, got, want)
		}
	}
}
