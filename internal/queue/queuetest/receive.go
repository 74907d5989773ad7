package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

func receiveTests() map[string]func(*testing.T, fixture) {
	return map[string]func(*testing.T, fixture){
		"an empty queue gives nothing": func(t *testing.T, f fixture) { f.none(t) },
		"a delivery is invisible, then the message comes again": func(t *testing.T, f fixture) {
			f.send(t, "m")
			began := time.Now()
			first := f.one(t)
			f.none(t)
			second := f.await(t, began.Add(f.visibility))
			if second.ID != first.ID || second.Receives != 2 || second.Receipt == first.Receipt {
				t.Errorf("second delivery: ID %s (first %s), receives %d, receipt %s (first %s)",
					second.ID, first.ID, second.Receives, second.Receipt, first.Receipt)
			}
		},
		"a deleted message does not come again": func(t *testing.T, f fixture) {
			f.send(t, "m")
			f.remove(t, f.one(t))
			f.pass(t, f.long)
			f.none(t)
		},
		"no more than the limit, and never more than a batch": func(t *testing.T, f fixture) {
			for i := range 15 {
				f.send(t, fmt.Sprint(i))
			}
			if n := len(f.receive(t, 3)); n != 3 {
				t.Errorf("received %d, want 3", n)
			}
			if n := len(f.receive(t, 1000)); n != queue.MaxBatch {
				t.Errorf("received %d, want a batch of %d", n, queue.MaxBatch)
			}
			if n := len(f.receive(t, 1000)); n != 2 {
				t.Errorf("received %d, want the last 2", n)
			}
		},
		"concurrent receivers never get the same delivery": func(t *testing.T, f fixture) {
			const messages = 60
			for i := range messages {
				f.send(t, fmt.Sprint(i))
			}
			var mu sync.Mutex
			seen := map[string]int{}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for {
						got, err := f.Receive(t.Context(), 7, 0)
						if err != nil {
							t.Errorf("Receive: %v", err)
						}
						if len(got) == 0 {
							return
						}
						mu.Lock()
						for _, m := range got {
							seen[m.ID]++
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if len(seen) != messages {
				t.Errorf("%d messages were delivered, want %d", len(seen), messages)
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("message %s was delivered %d times", id, n)
				}
			}
		},
	}
}

// waiting starts a Receive and returns a function that gives its outcome and how long it took.
func waiting(ctx context.Context, f fixture, wait time.Duration) func() ([]queue.Message, time.Duration, error) {
	type outcome struct {
		messages []queue.Message
		took     time.Duration
		err      error
	}
	done := make(chan outcome, 1)
	start := time.Now()
	go func() {
		messages, err := f.Receive(ctx, 1, wait)
		done <- outcome{messages, time.Since(start), err}
	}()
	return func() ([]queue.Message, time.Duration, error) {
		o := <-done
		return o.messages, o.took, o.err
	}
}

func waitTests() map[string]func(*testing.T, fixture) {
	expect := func(t *testing.T, f fixture, result func() ([]queue.Message, time.Duration, error), want []string, after time.Duration) {
		t.Helper()
		messages, took, err := result()
		if err != nil {
			t.Errorf("Receive: %v", err)
		}
		if diff := cmp.Diff(want, bodies(messages)); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
		if !f.apart && took != after {
			t.Errorf("Receive took %s, want %s", took, after)
		}
	}
	return map[string]func(*testing.T, fixture){
		"waiting ends after its time": func(t *testing.T, f fixture) {
			began := time.Now()
			expect(t, f, waiting(t.Context(), f, f.poll), nil, f.poll)
			f.onTime(t, time.Now(), began.Add(f.poll))
		},
		"a message that arrives is received at once": func(t *testing.T, f fixture) {
			result := waiting(t.Context(), f, f.patience())
			f.pass(t, f.moment)
			f.send(t, "m")
			expect(t, f, result, []string{"m"}, f.moment)
		},
		"a message that becomes visible again is received at once": func(t *testing.T, f fixture) {
			f.send(t, "m")
			f.one(t)
			expect(t, f, waiting(t.Context(), f, f.patience()), []string{"m"}, f.visibility)
		},
		"a message that another takes while one waits comes back to the one who waits": func(t *testing.T, f fixture) {
			first := waiting(t.Context(), f, f.patience())
			f.settle(t)
			second := waiting(t.Context(), f, f.patience())
			f.settle(t)
			f.send(t, "m")
			results := []func() ([]queue.Message, time.Duration, error){first, second}
			took := map[time.Duration]int{}
			for _, result := range results {
				messages, d, err := result()
				if err != nil || len(messages) != 1 {
					t.Fatalf("received %d messages, %v", len(messages), err)
				}
				took[d]++
			}
			if diff := cmp.Diff(map[time.Duration]int{0: 1, f.visibility: 1}, took); diff != "" && !f.apart {
				t.Errorf("times (-want +got):\n%s", diff)
			}
		},
		"a delayed message is received when its time comes": func(t *testing.T, f fixture) {
			result := waiting(t.Context(), f, f.patience())
			f.settle(t)
			if err := f.Send(t.Context(), queue.Outgoing{Body: []byte("later"), Delay: f.delay}); err != nil {
				t.Fatal(err)
			}
			expect(t, f, result, []string{"later"}, f.delay)
		},
		"a returned delivery is received at once": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			result := waiting(t.Context(), f, f.patience())
			f.pass(t, f.moment)
			if err := f.Extend(t.Context(), m.Receipt, 0); err != nil {
				t.Fatal(err)
			}
			expect(t, f, result, []string{"m"}, f.moment)
		},
		"a redriven dead letter is received at once": func(t *testing.T, f fixture) {
			f.send(t, "m")
			f.bury(t)
			result := waiting(t.Context(), f, f.patience())
			f.pass(t, f.moment)
			if _, err := f.Redrive(t.Context()); err != nil {
				t.Fatal(err)
			}
			expect(t, f, result, []string{"m"}, f.moment)
		},
		"every waiting receiver gets one of the messages": func(t *testing.T, f fixture) {
			var results []func() ([]queue.Message, time.Duration, error)
			for range 4 {
				results = append(results, waiting(t.Context(), f, f.patience()))
			}
			f.settle(t)
			f.send(t, "a", "b", "c", "d")
			var all []queue.Message
			for _, result := range results {
				messages, _, err := result()
				if err != nil {
					t.Errorf("Receive: %v", err)
				}
				f.remove(t, messages...)
				all = append(all, messages...)
			}
			if diff := cmp.Diff([]string{"a", "b", "c", "d"}, bodies(all)); diff != "" {
				t.Errorf("received (-want +got):\n%s", diff)
			}
		},
		"waiting ends with its context": func(t *testing.T, f fixture) {
			ctx, cancel := context.WithTimeout(t.Context(), f.moment)
			defer cancel()
			_, took, err := waiting(ctx, f, f.poll)()
			if !errors.Is(err, context.DeadlineExceeded) || took < f.moment || took != f.moment && !f.apart {
				t.Errorf("Receive = %v after %s, want the deadline's error after %s", err, took, f.moment)
			}
		},
		"who gives up waiting takes no message along": func(t *testing.T, f fixture) {
			ctx, cancel := context.WithCancel(t.Context())
			result := waiting(ctx, f, f.poll)
			f.settle(t)
			cancel()
			if _, _, err := result(); !errors.Is(err, context.Canceled) {
				t.Errorf("Receive = %v, want context.Canceled", err)
			}
			f.send(t, "m")
			expect(t, f, waiting(t.Context(), f, f.patience()), []string{"m"}, 0)
		},
		"waiting ends when the queue is closed": func(t *testing.T, f fixture) {
			result := waiting(t.Context(), f, f.poll)
			f.pass(t, f.moment)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if _, took, err := result(); err == nil || took != f.moment && !f.apart {
				t.Errorf("Receive = %v after %s, want an error after %s", err, took, f.moment)
			}
		},
	}
}
