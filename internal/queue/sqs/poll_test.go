package sqs_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// failure modes B5, B6
//
// An empty poll is no error, whatever time-out the other calls have: a second here, and the poll takes two.
func TestALongPollOutlastsTheTimeoutsOfShortCalls(t *testing.T) {
	plain := &http.Transport{ResponseHeaderTimeout: time.Second}
	t.Cleanup(plain.CloseIdleConnections)
	for name, client := range map[string]aws.HTTPClient{
		"plain": &http.Client{Transport: plain, Timeout: time.Second},
		"the SDK's": awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout, t.DisableKeepAlives = time.Second, true
		}),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := awstest.Config(t, emulators.MiniStack(t))
			cfg.HTTPClient = client
			q := closing(t, open(t, cfg, sqs.Options{}))
			if messages, err := q.Receive(t.Context(), 1, 2*time.Second); err != nil || len(messages) != 0 {
				t.Errorf("Receive = %d messages, %v; want none and no error", len(messages), err)
			}
		})
	}
}

// polling begins a receive and returns once SQS has been asked: what the receive answers, and when SQS does.
func (f faulty) polling(ctx context.Context, t *testing.T) (done <-chan error, answered <-chan struct{}) {
	t.Helper()
	asked, returned, came := make(chan struct{}), make(chan error, 1), make(chan struct{})
	f.On("ReceiveMessage", func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		close(asked)
		defer close(came)
		return next.RoundTrip(r)
	})
	go func() {
		_, err := f.Receive(ctx, 1, 3*time.Second)
		returned <- err
	}()
	<-asked
	return returned, came
}

// failure mode B13
//
// A rolling update delays no job: what arrives at a poll that its receiver has given up is there for the next at once, and
// not only after the hour of its visibility.
func TestAPollThatIsGivenUpTakesNothingAlong(t *testing.T) {
	q := withFaults(t, sqs.Options{Visibility: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done, answered := q.polling(ctx, t)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Receive = %v, want context.Canceled", err)
	}
	send(t, q, "a")
	<-answered
	if messages, err := q.Receive(t.Context(), 1, patience); err != nil || len(messages) != 1 {
		t.Errorf("Receive = %d messages, %v; want the one", len(messages), err)
	}
}

func TestCloseGivesBackWhatPollsBring(t *testing.T) {
	name, cfg := awstest.Name(t), awstest.Config(t, emulators.MiniStack(t))
	other := closing(t, open(t, cfg, sqs.Options{Queue: name, Visibility: time.Hour}))
	q := withFaults(t, sqs.Options{Queue: name, Visibility: time.Hour})
	done, _ := q.polling(t.Context(), t)
	closed := make(chan error, 1)
	go func() { closed <- q.Close() }()
	if err := <-done; err == nil {
		t.Error("Receive succeeded on a closed queue")
	}
	send(t, other, "a")
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if messages, err := other.Receive(t.Context(), 1, 0); err != nil || len(messages) != 1 {
		t.Errorf("Receive = %d messages, %v; want the one", len(messages), err)
	}
}

func TestWhatIsMissingIsSaidAtOnce(t *testing.T) { // failure mode B3
	complete := sqs.Options{Queue: "q", Clock: seam.System{}, Random: seam.Crypto{}}
	for want, change := range map[string]func(*sqs.Options){
		"FIFO": func(o *sqs.Options) { o.Queue = "q.fifo" }, "no name of a queue": func(o *sqs.Options) { o.Queue = "a b" },
		"clock": func(o *sqs.Options) { o.Clock = nil },
	} {
		o := complete
		change(&o)
		cfg := awstest.Config(t, "http://127.0.0.1:1")
		if _, err := sqs.New(cfg, o); err == nil || !contains(err, want) {
			t.Errorf("error = %v, want one that says %q", err, want)
		}
	}
	cfg := awstest.Config(t, "http://127.0.0.1:1")
	cfg.Region = ""
	if _, err := sqs.New(cfg, complete); err == nil || !contains(err, "AWS_REGION") {
		t.Errorf("error = %v, want one about the region", err)
	}
}

// SQS says in several ways that a delivery is over; MiniStack has only one of them.
func TestADeliveryThatIsOverCannotBeExtended(t *testing.T) {
	q := withFaults(t, sqs.Options{})
	send(t, q, "a")
	messages, err := q.Receive(t.Context(), 1, 0)
	if err != nil || len(messages) != 1 {
		t.Fatalf("Receive = %d messages, %v", len(messages), err)
	}
	for _, code := range []string{"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid"} {
		q.On("ChangeMessageVisibility", awsfault.Refuses(400, code))
		if err := q.Extend(t.Context(), messages[0].Receipt, time.Minute); !errors.Is(err, queue.ErrReceipt) {
			t.Errorf("Extend, refused as %s = %v, want ErrReceipt", code, err)
		}
	}
}
