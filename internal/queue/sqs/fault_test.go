package sqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
)

func send(t *testing.T, q queue.Queue, bodies ...string) {
	t.Helper()
	var batch []queue.Outgoing
	for _, b := range bodies {
		batch = append(batch, queue.Outgoing{Body: []byte(b)})
	}
	if err := q.Send(t.Context(), batch...); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

// take receives and deletes until nothing is there, and returns the bodies, each once.
func take(t *testing.T, q queue.Queue) []string {
	t.Helper()
	seen := map[string]bool{}
	for {
		messages, err := q.Receive(t.Context(), queue.MaxBatch, 0)
		if err != nil {
			t.Fatalf("Receive: %v", err)
		}
		if len(messages) == 0 {
			break
		}
		var receipts []string
		for _, m := range messages {
			seen[string(m.Body)] = true
			receipts = append(receipts, m.Receipt)
		}
		if err := q.Delete(t.Context(), receipts...); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	var out []string
	for body := range seen {
		out = append(out, body)
	}
	slices.Sort(out)
	return out
}

func is(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// passing are failures that another attempt makes good.
func passing() map[string]awsfault.Fault {
	return map[string]awsfault.Fault{
		"answer lost": awsfault.LostAnswer, "request lost": awsfault.LostRequest, "answer cut": awsfault.CutAnswer(5), "500": awsfault.Refuses(500, "InternalFailure"),
		"400 that is cut": cutRefusal, "503": awsfault.Refuses(503, "ServiceUnavailable"), "502 of a proxy": answers(502, "<html>"), "429": awsfault.Refuses(429, ""),
		"throttled": awsfault.Refuses(400, "RequestThrottled"), "throttled, by its older name": awsfault.Refuses(403, "AWS.SimpleQueueService.RequestThrottled"),
	}
}

// Whatever was acknowledged is delivered, and what was deleted does not come back.
func TestFailuresThatPassAreMadeGood(t *testing.T) {
	for name, f := range passing() {
		t.Run(name, func(t *testing.T) {
			q := withFaults(t, sqs.Options{Visibility: time.Hour})
			for _, a := range []string{"GetQueueUrl", "SendMessageBatch", "DeleteMessageBatch", "GetQueueAttributes", "ChangeMessageVisibility"} {
				q.OnEach(a, 2, f)
			}
			send(t, q, "a", "b", "c")
			is(t, "received", []string{"a", "b", "c"}, take(t, q))
			if err := q.Ready(t.Context()); err != nil {
				t.Errorf("Ready: %v", err)
			}
			send(t, q, "d")
			messages, err := q.Receive(t.Context(), 1, 0)
			if err != nil || len(messages) != 1 {
				t.Fatalf("Receive = %d messages, %v", len(messages), err)
			}
			if err := q.Extend(t.Context(), messages[0].Receipt, 0); err != nil {
				t.Errorf("Extend: %v", err)
			}
			is(t, "given back", []string{"d"}, take(t, q))
		})
	}
}

// A delivery whose answer got lost comes again when its time is over.
func TestALostDeliveryComesAgain(t *testing.T) {
	for name, f := range map[string]awsfault.Fault{"lost": awsfault.LostAnswer, "cut": awsfault.CutAnswer(5)} {
		t.Run(name, func(t *testing.T) {
			q := withFaults(t, sqs.Options{Visibility: time.Second})
			send(t, q, "a")
			q.On("ReceiveMessage", f)
			messages, err := q.Receive(t.Context(), 1, patience)
			if err != nil || len(messages) != 1 || messages[0].Receives != 2 {
				t.Errorf("Receive = %+v, %v; want the second delivery", messages, err)
			}
		})
	}
}

func TestRepetitionsWaitLongerEachTimeAndEnd(t *testing.T) {
	q := withFaults(t, sqs.Options{})
	send(t, q, "a")
	before := q.Count("SendMessageBatch")
	q.Ever("SendMessageBatch", awsfault.Refuses(503, "ServiceUnavailable"))
	err := q.Send(t.Context(), queue.Outgoing{Body: []byte("b")})
	var failure *sqs.Error
	if n := q.Count("SendMessageBatch") - before; !errors.As(err, &failure) || failure.Code != "ServiceUnavailable" || failure.Status != 503 || n != 5 {
		t.Errorf("Send = %v after %d requests, want the code ServiceUnavailable after 5", err, n)
	}
	most := 25 * time.Millisecond
	for i, d := range q.clock.waits() {
		if d < 0 || d >= most {
			t.Errorf("wait %d is %s, want a part of %s", i, d, most)
		}
		most *= 2
	}
	if n := len(q.clock.waits()); n != 4 {
		t.Errorf("waited %d times, want 4", n)
	}
}

func TestWhatRepeatingDoesNotChangeIsNotRepeated(t *testing.T) {
	for code, remedy := range map[string]string{
		"AccessDeniedException": "sqs:SendMessage", "AWS.SimpleQueueService.NonExistentQueue": "make the queue", "QueueDoesNotExist": "make the queue",
		"InvalidClientTokenId": "access key", "ExpiredToken": "renew", "InvalidMessageContents": "", "KmsAccessDenied": "kms:Decrypt",
		"InvalidSignatureException": "clock",
	} {
		t.Run(code, func(t *testing.T) {
			q := withFaults(t, sqs.Options{})
			q.On("SendMessageBatch", awsfault.Refuses(400, code))
			err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")})
			var failure *sqs.Error
			if !errors.As(err, &failure) || failure.Status != 400 || !strings.Contains(err.Error(), remedy) || len(q.clock.waits()) != 0 {
				t.Errorf("Send = %v after %d waits; want an error at once that says %q", err, len(q.clock.waits()), remedy)
			}
		})
	}
}

// With the queue down or silent a webhook has its 503 within a second: the time limits, and not the number of attempts.
func TestSendEndsWithinASecond(t *testing.T) {
	for name, f := range map[string]awsfault.Fault{"down": awsfault.LostRequest, "silent": awsfault.Silence} {
		t.Run(name, func(t *testing.T) {
			q := withFaults(t, sqs.Options{SendTimeout: 900 * time.Millisecond})
			for _, known := range []bool{false, true} {
				q.Ever("", f)
				allowed := q.allowed(t, func() {
					if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}); err == nil {
						t.Error("Send succeeded")
					}
				})
				if allowed > time.Second {
					t.Errorf("Send may take %s, its address known: %t", allowed, known)
				}
				if err := q.Ready(deadline(t, 100*time.Millisecond)); err == nil {
					t.Error("the queue is ready")
				}
				q.Ever("", nil)
				send(t, q, "y")
			}
		})
	}
}

// One attempt that hangs does not use up the time of the others.
func TestSendOutlivesAnAttemptThatHangs(t *testing.T) {
	q := withFaults(t, sqs.Options{SendTimeout: 5 * time.Second})
	send(t, q, "a")
	q.On("SendMessageBatch", awsfault.Silence)
	send(t, q, "b")
	is(t, "received", []string{"a", "b"}, take(t, q))
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// allowed is how long a call may take: the longest of the deadlines under which its requests are made, or its waits.
func (f faulty) allowed(t *testing.T, do func()) time.Duration {
	t.Helper()
	began := time.Now()
	var last time.Time
	var all awsfault.Fault
	all = f.Ever("", func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if end, ok := r.Context().Deadline(); ok && end.After(last) {
			last = end
		}
		return all(r, next)
	})
	do()
	return last.Sub(began)
}

// One message of a batch that is refused for good does not hold up the others, nor is it hidden by them; one that was
// throttled is sent again, alone.
func TestPartsOfABatchFailAlone(t *testing.T) {
	q := withFaults(t, sqs.Options{})
	send(t, q, "first")
	q.On("SendMessageBatch", answers(200, `{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"`+md5Of("a")+`"}],"Failed":[
		{"Id":"1","Code":"InternalError","Message":"injected","SenderFault":false},{"Id":"2","Code":"RequestThrottled","SenderFault":true},
		{"Id":"3","Code":"InvalidMessageContents","Message":"illegal","SenderFault":true}]}`))
	err := q.Send(t.Context(), queue.Outgoing{Body: []byte("a")}, queue.Outgoing{Body: []byte("b")}, queue.Outgoing{Body: []byte("c")}, queue.Outgoing{Body: []byte("d")})
	var failure *sqs.Error
	if !errors.As(err, &failure) || failure.Code != "InvalidMessageContents" {
		t.Errorf("Send = %v, want the refusal of one", err)
	}
	is(t, "received", []string{"b", "c", "first"}, take(t, q)) // "a" was said to be sent

	send(t, q, "e", "f", "g")
	messages, err := q.Receive(t.Context(), 3, 0)
	if err != nil || len(messages) != 3 {
		t.Fatalf("Receive = %d messages, %v", len(messages), err)
	}
	q.On("DeleteMessageBatch", answers(200, `{"Successful":[],"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false},
		{"Id":"1","Code":"ReceiptHandleIsInvalid","SenderFault":true}]}`))
	before := q.Count("DeleteMessageBatch")
	if err := q.Delete(t.Context(), messages[0].Receipt, messages[1].Receipt, messages[2].Receipt); err != nil {
		t.Errorf("Delete: %v", err)
	}
	again := q.Requests("DeleteMessageBatch")[before+1]
	for i, m := range messages {
		if _, handle, _ := strings.Cut(m.Receipt, ":"); strings.Contains(again, handle) != (i != 1) {
			t.Errorf("the repetition has message %d: %t", i, i == 1)
		}
	}
}

// What was refused to one caller was not refused to those whose messages went along.
func TestCallersShareACallAndNotItsOutcome(t *testing.T) {
	q := withFaults(t, sqs.Options{})
	send(t, q, "first")
	hold, held := make(chan struct{}), make(chan struct{}, 4)
	slow := func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		held <- struct{}{}
		<-hold
		return next.RoundTrip(r)
	}
	q.OnEach("SendMessageBatch", 4, slow)
	outcomes := make(chan error, 24)
	for i := range 4 {
		go func() { outcomes <- q.Send(t.Context(), queue.Outgoing{Body: fmt.Appendf(nil, "slow %d", i)}) }()
		<-held
	}
	before := q.Count("SendMessageBatch")
	waiting, cancel := context.WithCancel(t.Context())
	for i := range 20 {
		go func() {
			ctx := t.Context()
			if i == 7 {
				ctx = waiting
			}
			outcomes <- q.Send(ctx, queue.Outgoing{Body: fmt.Appendf(nil, "late %02d", i)})
		}()
	}
	cancel()
	if err := <-outcomes; !errors.Is(err, context.Canceled) {
		t.Errorf("Send that was given up = %v", err)
	}
	for sqs.Waiting(q.Queue) < 19 {
		if err := q.clock.System.Sleep(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	close(hold)
	for range 23 {
		if err := <-outcomes; err != nil {
			t.Errorf("Send: %v", err)
		}
	}
	if n := q.Count("SendMessageBatch") - before; n < 2 || n > 5 {
		t.Errorf("20 messages went in %d calls", n)
	}
	if n := len(take(t, q)); n < 24 || n > 25 {
		t.Errorf("%d messages arrived, want those of all callers but perhaps the one that gave up", n)
	}
}

// The bytes of a call are bounded as well as its messages.
func TestBatchesAreSplitByBytes(t *testing.T) {
	q := withFaults(t, sqs.Options{})
	var batch []queue.Outgoing
	for range queue.MaxBatch {
		batch = append(batch, queue.Outgoing{Body: []byte(strings.Repeat("x", 100<<10))})
	}
	if err := q.Send(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	for _, body := range q.Requests("SendMessageBatch") {
		var sent struct {
			Entries []struct{ MessageBody string }
		}
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, e := range sent.Entries {
			total += len(e.MessageBody)
		}
		if total > queue.MaxBodyBytes {
			t.Errorf("a call carries %d bytes in %d messages", total, len(sent.Entries))
		}
	}
	if n := q.Count("SendMessageBatch"); n != 5 {
		t.Errorf("%d calls, want 5 with 2 messages each", n)
	}
}
