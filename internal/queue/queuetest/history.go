package queuetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// tracked is what a history knows of one message.
type tracked struct {
	visible  time.Time // of its last delivery; when it may come again
	receives int
	receipt  string
	deleted  bool
	perhaps  bool // deleted, or a dead letter by then
}

func historyTests() map[string]func(*testing.T, fixture) {
	return map[string]func(*testing.T, fixture){
		"over random histories nothing is lost, nothing comes early, and nothing comes after its end": func(t *testing.T, f fixture) {
			rapid.Check(noDeadline{t}, func(rt *rapid.T) {
				h := history{fixture: f, t: t, messages: map[string]*tracked{}}
				rt.Repeat(map[string]func(*rapid.T){
					"send":    h.sendSome,
					"receive": h.receiveSome,
					"delete":  h.deleteOne,
					"extend":  h.extendOne,
					"wait":    func(rt *rapid.T) { f.pass(t, time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds"))*time.Second) },
				})
				h.drain(rt)
			})
		},
	}
}

type history struct {
	fixture
	t        *testing.T
	sent     int
	messages map[string]*tracked // by body
}

func (h *history) sendSome(rt *rapid.T) {
	var batch []queue.Outgoing
	for range rapid.IntRange(1, 3).Draw(rt, "messages") {
		h.sent++
		body := fmt.Sprint(h.sent)
		delay := time.Duration(rapid.IntRange(0, 2).Draw(rt, "delay")) * 20 * time.Second
		batch = append(batch, queue.Outgoing{Body: []byte(body), Delay: delay})
		h.messages[body] = &tracked{visible: time.Now().Add(delay)}
	}
	if err := h.Send(h.t.Context(), batch...); err != nil {
		rt.Fatalf("Send: %v", err)
	}
}

func (h *history) receiveSome(rt *rapid.T) {
	h.take(rt, rapid.IntRange(1, queue.MaxBatch).Draw(rt, "limit"))
}

func (h *history) take(rt *rapid.T, limit int) []queue.Message {
	received, err := h.Receive(h.t.Context(), limit, 0)
	if err != nil {
		rt.Fatalf("Receive: %v", err)
	}
	now := time.Now()
	for _, m := range received {
		known := h.messages[string(m.Body)]
		switch {
		case known == nil:
			rt.Fatalf("message %q was never sent", m.Body)
		case known.deleted:
			rt.Fatalf("message %q came after it was deleted", m.Body)
		case now.Before(known.visible):
			rt.Fatalf("message %q came %s too early", m.Body, known.visible.Sub(now))
		case m.Receives != known.receives+1:
			rt.Fatalf("message %q has receives %d, want %d", m.Body, m.Receives, known.receives+1)
		case m.Receives > MaxReceives:
			rt.Fatalf("message %q was received %d times", m.Body, m.Receives)
		}
		known.receives, known.receipt, known.visible = m.Receives, m.Receipt, now.Add(Visibility)
	}
	return received
}

// pick chooses a message that was delivered.
func (h *history) pick(rt *rapid.T) *tracked {
	var delivered []*tracked
	for i := 1; i <= h.sent; i++ {
		if m := h.messages[fmt.Sprint(i)]; m != nil && m.receipt != "" {
			delivered = append(delivered, m)
		}
	}
	if len(delivered) == 0 {
		rt.Skip("nothing was delivered")
	}
	return rapid.SampledFrom(delivered).Draw(rt, "message")
}

func (h *history) deleteOne(rt *rapid.T) {
	m := h.pick(rt)
	if err := h.Delete(h.t.Context(), m.receipt); err != nil {
		rt.Fatalf("Delete: %v", err)
	}
	// The receipt of a dead letter deletes nothing; when a message becomes one is up to the backend.
	if m.receives < MaxReceives || time.Now().Before(m.visible) {
		m.deleted = true
	} else {
		m.perhaps = true
	}
}

func (h *history) extendOne(rt *rapid.T) {
	m := h.pick(rt)
	d := time.Duration(rapid.IntRange(0, 50).Draw(rt, "extension")) * time.Second
	now := time.Now()
	current := !m.deleted && now.Before(m.visible)
	if err := h.Extend(h.t.Context(), m.receipt, d); (err == nil) != current {
		rt.Fatalf("Extend of a delivery = %v, which is current: %t", err, current)
	}
	if current {
		m.visible = now.Add(d)
	}
}

// drain receives everything to its end: each message that was not deleted is delivered, or is a dead letter.
func (h *history) drain(rt *rapid.T) {
	seen := map[string]bool{}
	for range MaxReceives + 2 { // long enough for every delay and extension
		h.pass(h.t, time.Minute)
		for {
			received := h.take(rt, queue.MaxBatch)
			if len(received) == 0 {
				break
			}
			for _, m := range received {
				seen[string(m.Body)] = true
				h.remove(h.t, m)
				h.messages[string(m.Body)].deleted = true
			}
		}
	}
	dead, err := h.Dead(h.t.Context(), 10_000)
	if err != nil {
		rt.Fatalf("Dead: %v", err)
	}
	for _, m := range dead {
		seen[string(m.Body)] = true
	}
	for body, m := range h.messages {
		if !m.deleted && !m.perhaps && !seen[body] {
			rt.Fatalf("message %q was lost after %d deliveries", body, m.receives)
		}
	}
	for _, m := range dead {
		if known := h.messages[string(m.Body)]; known != nil && known.receives != MaxReceives {
			rt.Fatalf("message %q is a dead letter after %d deliveries", m.Body, known.receives)
		}
	}
	h.forget(rt)
}

// forget empties the dead letters, so that the next history begins with an empty queue.
func (h *history) forget(rt *rapid.T) {
	if _, err := h.Redrive(h.t.Context()); err != nil {
		rt.Fatalf("Redrive: %v", err)
	}
	for {
		received := h.receive(h.t, queue.MaxBatch)
		if len(received) == 0 {
			return
		}
		h.remove(h.t, received...)
	}
}

// noDeadline hides the deadline of the test, which a bubble may not ask for.
type noDeadline struct{ testing.TB }
