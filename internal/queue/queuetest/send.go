package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
			if m.Sent.Before(sent.Add(-f.moment)) || m.Sent.After(time.Now().Add(f.moment)) {
				t.Errorf("Sent = %s, want one not before %s", m.Sent, sent)
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
		"any body and any attributes arrive as they were sent": func(t *testing.T, f fixture) {
			ten := map[string]string{}
			for i := range queue.MaxAttributes {
				ten[fmt.Sprint("name.", i)] = "value"
			}
			for name, m := range anyMessages(ten) {
				if err := f.Send(t.Context(), m); err != nil {
					t.Errorf("Send of %s: %v", name, err)
					continue
				}
				got := f.one(t)
				if !bytes.Equal(m.Body, got.Body) {
					t.Errorf("%s: the body of %d bytes arrived changed, with %d", name, len(m.Body), len(got.Body))
				}
				if diff := cmp.Diff(m.Attributes, got.Attributes, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s: attributes (-want +got):\n%s", name, diff)
				}
				f.remove(t, got)
			}
		},
		"a batch of the largest messages arrives": func(t *testing.T, f fixture) {
			var batch []queue.Outgoing
			for i := range queue.MaxBatch {
				batch = append(batch, queue.Outgoing{Body: bytes.Repeat([]byte{'a' + byte(i)}, queue.MaxBodyBytes)})
			}
			if err := f.Send(t.Context(), batch...); err != nil {
				t.Fatal(err)
			}
			var first []string
			for len(first) < len(batch) {
				got := f.receive(t, queue.MaxBatch)
				if len(got) == 0 {
					break
				}
				for _, m := range got {
					if len(m.Body) != queue.MaxBodyBytes {
						t.Errorf("a body has %d bytes", len(m.Body))
					}
					first = append(first, string(m.Body[:1]))
				}
			}
			slices.Sort(first)
			if got := strings.Join(first, ""); got != "abcdefghij" {
				t.Errorf("received %q", got)
			}
		},
		"a closed queue does nothing": func(t *testing.T, f fixture) {
			f.send(t, "m")
			m := f.one(t)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			for name, err := range f.all(t.Context(), m.Receipt) {
				if err == nil {
					t.Errorf("%s succeeded", name)
				}
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
				"11 messages":                      many,
				"an empty message":                 {m, {}},
				"a negative delay":                 {{Body: m.Body, Delay: -1}},
				"a long delay":                     {{Body: m.Body, Delay: queue.MaxDelay + 1}},
				"11 attributes":                    {{Body: m.Body, Attributes: attributes}},
				"a nameless attribute":             {{Body: m.Body, Attributes: map[string]string{"": "v"}}},
				"an attribute's name in no UTF-8":  {{Body: m.Body, Attributes: map[string]string{"\xff": "v"}}},
				"an attribute's value in no UTF-8": {{Body: m.Body, Attributes: map[string]string{"n": "\xff"}}},
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
			sent := time.Now()
			if err := f.Send(t.Context(), queue.Outgoing{Body: []byte("later"), Delay: f.delay}); err != nil {
				t.Fatal(err)
			}
			f.await(t, sent.Add(f.delay))
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
			for name, err := range f.all(ctx, m.Receipt) {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s = %v, want context.Canceled", name, err)
				}
			}
			f.lapse(t, m)
			if got := f.one(t); got.ID != m.ID {
				t.Errorf("received message %s, want %s", got.ID, m.ID)
			}
		},
	}
}

// all calls every method and returns what each answered.
func (f fixture) all(ctx context.Context, receipt string) map[string]error {
	_, receive := f.Receive(ctx, 1, time.Second)
	_, dead := f.Dead(ctx, 1)
	_, redrive := f.Redrive(ctx)
	return map[string]error{
		"Send": f.Send(ctx, queue.Outgoing{Body: []byte("x")}), "Receive": receive, "Delete": f.Delete(ctx, receipt),
		"Extend": f.Extend(ctx, receipt, 0), "Ready": f.Ready(ctx), "Dead": dead, "Redrive": redrive,
	}
}

// anyMessages are messages that have what a text protocol may not carry.
func anyMessages(ten map[string]string) map[string]queue.Outgoing {
	strange := map[string]string{
		"empty": "", "é": "ü", "with space": "x", "..": "x", "AWS.Trace": "x", "runs-fleet.body": "x", "zero": "\x00", "noncharacter": "\uffff",
		strings.Repeat("long", 100): "x", "quoted": `"<&'`,
	}
	large := queue.MaxBodyBytes
	return map[string]queue.Outgoing{
		"white space":                   {Body: []byte(" \t\r\n ")},
		"XML":                           {Body: []byte("<a b='c'>&amp;\u2028</a>")},
		"a zero":                        {Body: []byte{0}},
		"no UTF-8":                      {Body: []byte("\xff\xfe")},
		"a noncharacter":                {Body: []byte("\uffff")},
		"the largest of zeros":          {Body: make([]byte, large)},
		"the largest of quotes":         {Body: bytes.Repeat([]byte(`"`), large)},
		"the largest of no UTF-8":       {Body: bytes.Repeat([]byte{0xff}, large)},
		"ten attributes":                {Body: []byte("x"), Attributes: ten},
		"ten attributes and a zero":     {Body: []byte{0}, Attributes: ten},
		"strange attributes":            {Body: []byte("x"), Attributes: strange},
		"strange attributes and a zero": {Body: []byte{0}, Attributes: strange},
		"a large strange attribute":     {Body: []byte("x"), Attributes: map[string]string{"zeros": string(make([]byte, large-len("zerosx")))}},
	}
}
