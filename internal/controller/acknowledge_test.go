package controller_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

// lateStore is a store whose deferred writes are not durable until somebody asks for it.
type lateStore struct {
	store.Store

	mu       sync.Mutex
	deferred int // writes since the last sync
	broken   bool
	syncs    int
}

func (s *lateStore) TransactDeferred(ctx context.Context, writes []store.Write) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deferred++
	return s.Transact(ctx, writes)
}

func (s *lateStore) Sync(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("the disk is gone")
	}
	s.deferred = 0
	s.syncs++
	return nil
}

// watchedQueue says what was not durable when a message was deleted.
type watchedQueue struct {
	queue.Queue

	store   *lateStore
	mu      sync.Mutex
	deleted int
	early   bool
}

func (q *watchedQueue) Delete(ctx context.Context, receipts ...string) error {
	q.store.mu.Lock()
	early := q.store.deferred > 0
	q.store.mu.Unlock()
	q.mu.Lock()
	q.deleted += len(receipts)
	q.early = q.early || early
	q.mu.Unlock()
	return q.Queue.Delete(ctx, receipts...)
}

func (q *watchedQueue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.deleted
}

// The invariant AckAfterDurable, of a store that leaves the disk to later.
func TestMessagesAreDeletedOnceTheirEffectsAreDurable(t *testing.T) {
	late := &lateStore{Store: memory.New(seam.System{}, memory.Options{})}
	watched := &watchedQueue{store: late}
	records := record.New(late)
	inWorld(t, func(c *controller.Config) {
		watched.Queue, c.Queue, c.Records = c.Queue, watched, records
	}, func(w *world) {
		const job = 41
		jobs := func(state fleet.JobState) bool {
			j, err := records.Job(t.Context(), fleet.JobID{Host: "github.test", ID: job})
			return err == nil && j.V.State == state
		}
		w.github.queue(job, 10, 5*time.Second, cpu2)
		w.settle(5*time.Second, "the first message is deleted", func() bool { return watched.count() > 0 })
		w.settle(time.Minute, "the job has ended", func() bool { return jobs(fleet.JobCompleted) })
		if watched.early || late.syncs == 0 {
			t.Errorf("messages were deleted before their effects were durable (%v) or nothing was synced (%d syncs)", watched.early, late.syncs)
		}

		late.mu.Lock()
		late.broken = true
		late.mu.Unlock()
		before := watched.count()
		w.github.queue(job+1, 11, 5*time.Second, cpu2)
		w.pass(30 * time.Second)
		if got := watched.count() - before; got != 0 {
			t.Errorf("%d messages were deleted whose effects a power cut would undo", got)
		}
		late.mu.Lock()
		late.broken = false
		late.mu.Unlock()
		w.settle(2*time.Minute, "the messages that came again are deleted", func() bool { return watched.count() > before })
	})
}
