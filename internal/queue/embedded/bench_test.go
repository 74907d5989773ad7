package embedded_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// BenchmarkSend sends messages of 1 KB, one per call, from several callers at once.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			q := open(b, filepath.Join(b.TempDir(), "queue.db"), seam.System{}, embedded.Options{})
			body := bytes.Repeat([]byte("x"), 1024)
			b.ResetTimer()
			concurrently(b, senders, func() error { return q.Send(b.Context(), queue.Outgoing{Body: body}) })
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
			b.StopTimer()
			if err := q.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

// BenchmarkReceiveDelete takes messages of 1 KB in batches of 10 and deletes each batch; one operation is one message.
func BenchmarkReceiveDelete(b *testing.B) {
	for _, receivers := range []int{1, 4} {
		b.Run(fmt.Sprintf("receivers=%d", receivers), func(b *testing.B) {
			q := open(b, filepath.Join(b.TempDir(), "queue.db"), seam.System{}, embedded.Options{})
			fill(b, q, b.N)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var wg sync.WaitGroup
			for range receivers {
				wg.Go(func() {
					for left.Load() > 0 {
						left.Add(-int64(consume(b, q)))
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.StopTimer()
			if err := q.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

func consume(b *testing.B, q queue.Queue) int {
	b.Helper()
	messages, err := q.Receive(b.Context(), queue.MaxBatch, 0)
	if err != nil {
		b.Error(err)
	}
	receipts := make([]string, 0, len(messages))
	for _, m := range messages {
		receipts = append(receipts, m.Receipt)
	}
	if err := q.Delete(b.Context(), receipts...); err != nil {
		b.Error(err)
	}
	return len(messages)
}

func fill(b *testing.B, q queue.Queue, n int) {
	b.Helper()
	body := bytes.Repeat([]byte("x"), 1024)
	for n > 0 {
		batch := make([]queue.Outgoing, min(n, queue.MaxBatch))
		for i := range batch {
			batch[i].Body = body
		}
		if err := q.Send(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
		n -= len(batch)
	}
}

func concurrently(b *testing.B, callers int, call func() error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkMixed sends messages of 1 KB from 64 callers while 4 workers receive and delete them; one operation is one
// message through the queue.
func BenchmarkMixed(b *testing.B) {
	q := open(b, filepath.Join(b.TempDir(), "queue.db"), seam.System{}, embedded.Options{})
	body := bytes.Repeat([]byte("x"), 1024)
	var left atomic.Int64
	left.Store(int64(b.N))
	var workers sync.WaitGroup
	b.ResetTimer()
	for range 4 {
		workers.Go(func() {
			for left.Load() > 0 {
				left.Add(-int64(consume(b, q)))
			}
		})
	}
	concurrently(b, 64, func() error { return q.Send(b.Context(), queue.Outgoing{Body: body}) })
	sent := b.Elapsed()
	workers.Wait()
	b.ReportMetric(float64(b.N)/sent.Seconds(), "sends/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.StopTimer()
	if err := q.Close(); err != nil {
		b.Error(err)
	}
}
