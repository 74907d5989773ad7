package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

func sendTests() map[string]func(*testing.T, fixture) {
	return map[string]func(*testing.T, fixture){
		"a message arrives as it was sent": func(t *testing.T, f fixture) {
			body := make([]byte, 256)
			for i := range body {
				body[i] = byte(i)
			}
			attributes := map[string]string{"traceparent": "00-1-2-01", "é": "\"quoted\""}
			sent := time.Now()
			if err := f.Send(t.Context(), queue.Outgoing{Body: body, Attributes: attributes}); err != nil {
				t.Fatal(err)
			}
			m := f.one(t)
			if m.ID == "" || m.Receipt == "" {
				t.Errorf("ID %q, Receipt %q; want both", m.ID, m.Receipt)
			}
			if d := m.Sent.Sub(sent).Abs(); d > time.Second {
				t.Errorf("Sent is off by %s", d)
			}
			want := queue.Message{ID: m.ID, Body: body, Attributes: attributes, Sent: m.Sent, Receives: 1, Receipt: m.Receipt}
			if diff := cmp.Diff(want, m); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		},
		"a batch arrives": func(t *testing.T, f fixture) {
			var batch []queue.Outgoing
			var want []string
			for i := range queue.MaxBatch {
				want = append(want, fmt.Sprint(i))
				batch = append(batch, queue.Outgoing{Body: []byte(want[i])})
			}
			if err := f.Send(t.Context(), batch...); err != nil {
				t.Fatal(err)
			}
			got := f.receive(t, queue.MaxBatch)
			for len(got) < len(want) {
				more := f.receive(t, queue.MaxBatch)
				if len(more) == 0 {
					break
				}
				got = append(got, more...)
			}
			if diff := cmp.Diff(want, bodies(got)); diff != "" {
				t.Errorf("bodies (-want +got):\n%s", diff)
			}
		},
		"sending nothing succeeds": func(t *testing.T, f fixture) {
			if err := f.Send(t.Context()); err != nil {
				t.Errorf("Send() = %v", err)
			}
		},
		"the largest message is taken, a larger one refused with its whole call": func(t *testing.T, f fixture) {
			attributes := map[string]string{"name": "value"}
			fits := bytes.Repeat([]byte("x"), queue.MaxBodyBytes-len("namevalue"))
			err := f.Send(t.Context(), queue.Outgoing{Body: []byte("small")}, queue.Outgoing{Body: append(fits, 'x'), Attributes: attributes})
			if !errors.Is(err, queue.ErrTooLarge) {
				t.Errorf("Send of a large message = %v, want ErrTooLarge", err)
			}
			f.none(t)
			if err := f.Send(t.Context(), queue.Outgoing{Body: fits, Attributes: attributes}); err != nil {
				t.Errorf("Send of the largest message: %v", err)
			}
			if got := f.one(t); !bytes.Equal(got.Body, fits) {
				t.Error("the largest message arrived changed")
			}
		},
		"what no queue takes is refused": func(t *testing.T, f fixture) {
			m := queue.Outgoing{Body: []byte("x")}
			many := make([]queue.Outgoing, queue.MaxBatch+1)
			attributes := map[string]string{}
			for i := range many {
				many[i] = m
				attributes[fmt.Sprint(i)] = "v"
			}
			for name, messages := range map[string][]queue.Outgoing{
				"11 messages":      many,
				"an empty message": {m, {}},
				"a negative delay": {{Body: m.Body, Delay: -1}},
				"a long delay":     {{Body: m.Body, Delay: queue.MaxDelay + 1}},
				"11 attributes":    {{Body: m.Body, Attributes: attributes}},
			} {
				if err := f.Send(t.Context(), messages...); !errors.Is(err, queue.ErrInvalid) {
					t.Errorf("Send of %s = %v, want ErrInvalid", name, err)
				}
			}
			f.none(t)
			if _, err := f.Receive(t.Context(), 0, 0); !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("Receive of 0 messages = %v, want ErrInvalid", err)
			}
			if err := f.Delete(t.Context(), strings.Split(strings.Repeat("1-1,", queue.MaxBatch), ",")...); !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("Delete of 11 receipts = %v, want ErrInvalid", err)
			}
		},
		"a delayed message is invisible until its time": func(t *testing.T, f fixture) {
			if err := f.Send(t.Context(), queue.Outgoing{Body: []byte("later"), Delay: 10 * time.Second}); err != nil {
				t.Fatal(err)
			}
			f.pass(t, 10*time.Second-time.Millisecond)
			f.none(t)
			f.pass(t, time.Millisecond)
			f.one(t)
		},
		"the body may be reused after Send": func(t *testing.T, f fixture) {
			body := []byte("first")
			if err := f.Send(t.Context(), queue.Outgoing{Body: body}); err != nil {
				t.Fatal(err)
			}
			copy(body, "XXXXX")
			if got := string(f.one(t).Body); got != "first" {
				t.Errorf("body = %q", got)
			}
		},
		"a queue is ready": func(t *testing.T, f fixture) {
			for range 3 {
				if err := f.Ready(t.Context()); err != nil {
					t.Errorf("Ready: %v", err)
				}
			}
			f.none(t)
		},
		"a cancelled context is an error and has no effect": func(t *testing.T, f fixture) {
			f.send(t, "here")
			m := f.one(t)
			ctx := cancelled(t)
			for name, err := range map[string]error{
				"Send":    f.Send(ctx, queue.Outgoing{Body: []byte("x")}),
				"Receive": func() error { _, err := f.Receive(ctx, 1, time.Second); return err }(),
				"Delete":  f.Delete(ctx, m.Receipt),
				"Extend":  f.Extend(ctx, m.Receipt, 0),
				"Ready":   f.Ready(ctx),
				"Dead":    func() error { _, err := f.Dead(ctx, 1); return err }(),
				"Redrive": func() error { _, err := f.Redrive(ctx); return err }(),
			} {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s = %v, want context.Canceled", name, err)
				}
			}
			f.pass(t, Visibility)
			if got := f.one(t); got.ID != m.ID {
				t.Errorf("received message %s, want %s", got.ID, m.ID)
			}
		},
	}
}
