package sqlite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// BenchmarkTransact writes rows of 1 KB with an index key, one per transaction, from several callers at once.
func BenchmarkTransact(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"), seam.System{})
			value := bytes.Repeat([]byte("x"), 1024)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						row := store.Row{
							Key:   store.Key{Partition: "jobs", Sort: fmt.Sprintf("%09d", i)},
							Value: value, Index1: store.Key{Partition: "state", Sort: fmt.Sprint(i)},
						}
						if err := s.Transact(b.Context(), []store.Write{store.Put(row, store.Absent())}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			b.StopTimer()
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"), seam.System{})
	key := store.Key{Partition: "jobs", Sort: "1"}
	row := store.Row{Key: key, Value: bytes.Repeat([]byte("x"), 1024)}
	if err := s.Transact(b.Context(), []store.Write{store.Put(row, store.Any())}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
