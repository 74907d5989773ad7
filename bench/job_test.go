package main

import (
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// BenchmarkJob is what one queued job costs a server in all: its delivery, its message and its rows, until the message is
// deleted. Processor time and allocations hardly depend on what else the machine does, unlike rates.
func BenchmarkJob(b *testing.B) {
	ctx, clock := b.Context(), seam.System{}
	w, err := openWorld(ctx, worldOptions{dir: b.TempDir(), log: io.Discard, labels: ours, maxRunners: 100})
	if err != nil {
		b.Fatal(err)
	}
	stop := w.start(ctx)
	d := newDeliveries(ours)
	batch := make([]delivery, b.N)
	for i := range batch {
		batch[i] = d.make(firstJob+int64(i), clock.Now())
	}
	before := processorTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := deliver(ctx, clock, w.webhook, d, batch); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "accepted-µs/op")
	if err := emptied(ctx, clock, w); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
	if err := stop(); err != nil {
		b.Error(err)
	}
	if err := w.close(); err != nil {
		b.Error(err)
	}
}

// emptied waits until every message was applied and deleted.
func emptied(ctx context.Context, clock seam.Clock, w *world) error {
	for {
		depth, err := w.queue.Depth(ctx)
		if err != nil || depth.Ready+depth.Taken == 0 {
			return err
		}
		if err := clock.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
