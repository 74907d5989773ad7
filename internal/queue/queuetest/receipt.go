package queuetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// bury receives the only message until it is a dead letter.
func (f fixture) bury(t *testing.T) queue.Message {
	t.Helper()
	var last queue.Message
	for range MaxReceives {
		last = f.one(t)
		f.lapse(t, last)
	}
	f.none(t)
	return last
}

func receiptTests() map[string]func(*testing.T, fixture) {
	return map[string]func(*testing.T, fixture){
		"a receipt that has run out deletes a message that was not delivered again": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			f.pass(t, f.visibility+time.Second)
			f.remove(t, m)
			f.none(t)
		},
		"a receipt of a former delivery deletes nothing": func(t *testing.T, f fixture) {
			f.send(t, "m")
			first := f.one(t)
			f.lapse(t, first)
			second := f.one(t)
			f.remove(t, first)
			f.lapse(t, second)
			third := f.one(t)
			f.remove(t, second) // a former delivery by now
			f.lapse(t, third)
			f.none(t)
			if n := len(f.dead(t)); n != 1 {
				t.Errorf("%d dead letters, want the message", n)
			}
		},
		"deleting twice succeeds": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			f.remove(t, m, m)
			f.remove(t, m)
			f.none(t)
		},
		"a malformed receipt is refused": func(t *testing.T, f fixture) {
			for _, receipt := range []string{"", "x", "1", "1-", "1-1-1", "1-1 "} {
				if err := f.Delete(t.Context(), receipt); !errors.Is(err, queue.ErrInvalid) {
					t.Errorf("Delete(%q) = %v, want ErrInvalid", receipt, err)
				}
				if err := f.Extend(t.Context(), receipt, time.Second); !errors.Is(err, queue.ErrInvalid) {
					t.Errorf("Extend(%q) = %v, want ErrInvalid", receipt, err)
				}
			}
		},
		"extending keeps a delivery invisible from now on": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			var until time.Time
			for range 3 {
				f.pass(t, f.visibility/2)
				f.none(t)
				until = time.Now().Add(f.visibility)
				if err := f.Extend(t.Context(), m.Receipt, f.visibility); err != nil {
					t.Fatalf("Extend: %v", err)
				}
			}
			if again := f.await(t, until); again.Receives != 2 {
				t.Errorf("receives = %d, want 2", again.Receives)
			}
		},
		"a receipt of an extended delivery still deletes": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			if err := f.Extend(t.Context(), m.Receipt, time.Minute); err != nil {
				t.Fatal(err)
			}
			f.remove(t, m)
			f.pass(t, f.long)
			f.none(t)
		},
		"extending by zero returns the message at once": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			if err := f.Extend(t.Context(), m.Receipt, 0); err != nil {
				t.Fatal(err)
			}
			if again := f.one(t); again.Receives != 2 {
				t.Errorf("receives = %d, want 2", again.Receives)
			}
		},
		"extending what is no longer current is ErrReceipt": func(t *testing.T, f fixture) {
			f.send(t, "m")
			first := f.one(t)
			if !f.extendsExpired {
				f.pass(t, f.visibility)
				if err := f.Extend(t.Context(), first.Receipt, time.Second); !errors.Is(err, queue.ErrReceipt) {
					t.Errorf("Extend of a receipt that has run out = %v, want ErrReceipt", err)
				}
			} else {
				f.lapse(t, first)
			}
			second := f.one(t)
			if err := f.Extend(t.Context(), first.Receipt, time.Second); !errors.Is(err, queue.ErrReceipt) {
				t.Errorf("Extend of a former delivery = %v, want ErrReceipt", err)
			}
			f.remove(t, second)
			if err := f.Extend(t.Context(), second.Receipt, time.Second); !errors.Is(err, queue.ErrReceipt) {
				t.Errorf("Extend of a deleted message = %v, want ErrReceipt", err)
			}
		},
		"extending by a time that no queue keeps is refused": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			for _, d := range []time.Duration{-1, queue.MaxExtension + 1} {
				if err := f.Extend(t.Context(), m.Receipt, d); !errors.Is(err, queue.ErrInvalid) {
					t.Errorf("Extend by %s = %v, want ErrInvalid", d, err)
				}
			}
		},
	}
}

func deadTests() map[string]func(*testing.T, fixture) {
	return map[string]func(*testing.T, fixture){
		"a message that was received too often is a dead letter": func(t *testing.T, f fixture) {
			f.send(t, "m")
			last := f.bury(t)
			if last.Receives != MaxReceives {
				t.Errorf("last delivery was number %d, want %d", last.Receives, MaxReceives)
			}
			want := last
			want.Receipt = ""
			if diff := cmp.Diff([]queue.Message{want}, f.dead(t)); diff != "" {
				t.Errorf("dead letters (-want +got):\n%s", diff)
			}
			f.pass(t, f.long)
			f.none(t)
		},
		"a late receipt does not delete a dead letter": func(t *testing.T, f fixture) {
			f.send(t, "m")
			f.remove(t, f.bury(t))
			if n := len(f.dead(t)); n != 1 {
				t.Errorf("%d dead letters, want 1", n)
			}
		},
		// failure mode B1
		"a dead letter does not hold up the others": func(t *testing.T, f fixture) {
			f.send(t, "poison")
			for range MaxReceives {
				f.lapse(t, f.one(t))
			}
			f.send(t, "good")
			if got := string(f.one(t).Body); got != "good" {
				t.Errorf("received %q, want the good one", got)
			}
		},
		"dead letters are listed oldest first, up to the limit": func(t *testing.T, f fixture) {
			for _, body := range []string{"a", "b", "c"} {
				f.send(t, body)
				f.pass(t, time.Millisecond)
			}
			for range MaxReceives {
				f.lapse(t, f.receive(t, queue.MaxBatch)...)
			}
			f.none(t)
			for limit := 1; limit <= 4; limit++ {
				messages, err := f.Dead(t.Context(), limit)
				if err != nil {
					t.Fatal(err)
				}
				var got strings.Builder
				for _, m := range messages {
					got.Write(m.Body)
				}
				if want := "abc"[:min(limit, 3)]; got.String() != want {
					t.Errorf("Dead(%d) = %q, want %q", limit, got.String(), want)
				}
			}
		},
		"redrive returns dead letters, which count anew": func(t *testing.T, f fixture) {
			f.send(t, "m")
			late := f.bury(t)
			n, err := f.Redrive(t.Context())
			if n != 1 || err != nil {
				t.Fatalf("Redrive = %d, %v; want 1", n, err)
			}
			if n := len(f.dead(t)); n != 0 {
				t.Errorf("%d dead letters after the redrive", n)
			}
			m := f.one(t)
			if m.Receives != 1 {
				t.Errorf("receives = %d, want 1", m.Receives)
			}
			f.remove(t, late) // the receipt of a delivery before the redrive
			f.lapse(t, m)
			f.remove(t, f.one(t))
			f.pass(t, f.long)
			f.none(t)
			if n, err := f.Redrive(t.Context()); n != 0 || err != nil {
				t.Errorf("second Redrive = %d, %v; want 0", n, err)
			}
		},
		"redrive returns many, as they were sent": func(t *testing.T, f fixture) {
			const many = 2*queue.MaxBatch + 3
			want := map[string]string{}
			for i := range many {
				m := queue.Outgoing{Body: []byte{0, byte(i)}, Attributes: map[string]string{"number": fmt.Sprint(i), "empty": ""}}
				want[string(m.Body)] = m.Attributes["number"]
				if err := f.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			for range MaxReceives {
				f.lapse(t, f.drain(t)...)
			}
			f.none(t)
			if n := len(f.dead(t)); n != many {
				t.Errorf("%d dead letters, want %d", n, many)
			}
			if n, err := f.Redrive(t.Context()); n != many || err != nil {
				t.Errorf("Redrive = %d, %v; want %d", n, err, many)
			}
			got := map[string]string{}
			for _, m := range f.drain(t) {
				got[string(m.Body)] = m.Attributes["number"]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		},
	}
}

// drain receives until nothing is visible.
func (f fixture) drain(t *testing.T) []queue.Message {
	t.Helper()
	var all []queue.Message
	for {
		got := f.receive(t, queue.MaxBatch)
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}
