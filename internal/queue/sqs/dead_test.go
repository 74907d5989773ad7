package sqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// bury makes dead letters, in a queue that lets a message be received once.
func bury(t *testing.T, q queue.Queue, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		send(t, q, b)
	}
	for range 2 {
		messages, err := q.Receive(t.Context(), queue.MaxBatch, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if err := q.Extend(t.Context(), m.Receipt, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func dead(t *testing.T, q queue.Queue) []string {
	t.Helper()
	messages, err := q.Dead(t.Context(), 100)
	if err != nil {
		t.Fatalf("Dead: %v", err)
	}
	var out []string
	for _, m := range messages {
		out = append(out, string(m.Body))
	}
	slices.Sort(out)
	return out
}

// mover stands in for the part of SQS that moves dead letters, which MiniStack does not have. What it moves is not moved.
type mover struct {
	tasks []string // the status of the newest task, as it is asked for; empty for none
	moved int
	told  string // the last of them
}

// start refuses a second move beside one that runs, as SQS does.
func (m *mover) start(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	if m.told == "RUNNING" {
		return awsfault.Refuses(400, "UnsupportedOperation")(r, next)
	}
	return answers(200, `{"TaskHandle":"h"}`)(r, next)
}

func (m *mover) list(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	status := m.tasks[0]
	m.told = status
	if len(m.tasks) > 1 {
		m.tasks = m.tasks[1:]
	}
	if status == "" {
		return answers(200, `{"Results":[]}`)(r, next)
	}
	return answers(200, `{"Results":[{"Status":"`+status+`","ApproximateNumberOfMessagesMoved":`+strconv.Itoa(m.moved)+`,"FailureReason":"why"}]}`)(r, next)
}

func TestSQSMovesDeadLettersByItself(t *testing.T) {
	for name, tt := range map[string]struct {
		tasks []string
		start []awsfault.Fault
		want  int
		fails string
	}{
		"at once":                         {[]string{"", "COMPLETED"}, nil, 7, ""},
		"after some time":                 {[]string{"", "RUNNING", "RUNNING", "COMPLETED"}, nil, 7, ""},
		"after somebody else's":           {[]string{"RUNNING", "COMPLETED", "RUNNING", "COMPLETED"}, nil, 7, ""}, // failure mode B10
		"with the answer lost":            {[]string{"", "RUNNING", "COMPLETED"}, []awsfault.Fault{awsfault.LostRequest, awsfault.Refuses(400, "UnsupportedOperation")}, 7, ""},
		"but it fails":                    {[]string{"", "RUNNING", "FAILED"}, nil, 7, "why"},
		"but somebody else calls it off":  {[]string{"", "CANCELLED"}, nil, 7, "CANCELLED"},
		"but SQS does not find the queue": {[]string{""}, []awsfault.Fault{awsfault.Refuses(400, "ResourceNotFoundException")}, 0, "ResourceNotFoundException"},
	} {
		t.Run(name, func(t *testing.T) {
			q := withFaults(t, sqs.Options{ByHand: func() { t.Error("moved by hand") }})
			m := &mover{tasks: tt.tasks, moved: 7}
			q.Ever("ListMessageMoveTasks", m.list)
			q.Ever("StartMessageMoveTask", m.start)
			q.On("StartMessageMoveTask", tt.start...)
			n, err := q.Redrive(t.Context())
			if n != tt.want || (err == nil) != (tt.fails == "") || err != nil && !contains(err, tt.fails) {
				t.Errorf("Redrive = %d, %v; want %d and an error that says %q", n, err, tt.want, tt.fails)
			}
			var start struct{ SourceArn, DestinationArn string }
			if err := json.Unmarshal([]byte(q.Requests("StartMessageMoveTask")[0]), &start); err != nil {
				t.Fatal(err)
			}
			if start.SourceArn != start.DestinationArn+"-dead" {
				t.Errorf("it moves from %s to %s", start.SourceArn, start.DestinationArn)
			}
		})
	}
}

// failure mode A11: a message is sent before it is deleted, so that it may come twice and is never lost.
func TestDeadLettersMovedByHandAreNotLost(t *testing.T) {
	together(t, passing(), func(t *testing.T, f awsfault.Fault) {
		byHand := 0
		q := withFaults(t, sqs.Options{MaxReceives: 1, ByHand: func() { byHand++ }})
		bury(t, q, "a", "b", "c")
		for _, a := range []string{"SendMessageBatch", "DeleteMessageBatch"} {
			q.On(a, f)
		}
		if n, err := q.Redrive(t.Context()); n != 3 || err != nil || byHand != 1 {
			t.Errorf("Redrive = %d, %v, %d times by hand; want 3, once", n, err, byHand)
		}
		if d, err := q.Depth(t.Context()); err != nil || d.Dead != 0 || d.Ready < 3 {
			t.Errorf("Depth = %+v, %v; want all in the queue and none among the dead letters", d, err)
		}
		is(t, "received", []string{"a", "b", "c"}, take(t, q))
		is(t, "dead letters", nil, dead(t, q))
	})
}

func TestADeadLetterThatCannotBeMovedStays(t *testing.T) {
	q := withFaults(t, sqs.Options{MaxReceives: 1})
	bury(t, q, "a", "b")
	q.On("SendMessageBatch", answers(200, `{"Successful":[],"Failed":[{"Id":"0","Code":"AccessDenied","SenderFault":true},
		{"Id":"1","Code":"AccessDenied","SenderFault":true}]}`))
	if n, err := q.Redrive(t.Context()); n != 0 || err == nil {
		t.Errorf("Redrive = %d, %v; want an error", n, err)
	}
	is(t, "dead letters", []string{"a", "b"}, dead(t, q))
}

// Looking takes dead letters away from nobody, also when the look fails half-way.
func TestALookGivesBackWhatItSaw(t *testing.T) {
	q := withFaults(t, sqs.Options{MaxReceives: 1})
	bury(t, q, "a", "b", "c")
	q.On("ReceiveMessage", func(r *http.Request, next http.RoundTripper) (*http.Response, error) { return next.RoundTrip(r) }, awsfault.Refuses(403, "AccessDenied"))
	if messages, err := q.Dead(t.Context(), 10); err == nil || len(messages) != 0 {
		t.Errorf("Dead = %d messages, %v; want an error", len(messages), err)
	}
	for range 2 {
		is(t, "dead letters", []string{"a", "b", "c"}, dead(t, q))
	}
}

func TestAQueueWithoutDeadLettersSaysSo(t *testing.T) {
	cfg, name := awstest.Config(t, emulators.MiniStack(t)), awstest.Name(t)
	if _, err := awssqs.NewFromConfig(cfg).CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name}); err != nil {
		t.Fatal(err)
	}
	q, err := sqs.New(cfg, sqs.Options{Queue: name, Clock: seam.System{}, Random: seam.Crypto{}, SendTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, q)
	if _, err := q.Dead(t.Context(), 1); err == nil || !contains(err, "redrive policy") {
		t.Errorf("Dead = %v", err)
	}
	if _, err := q.Redrive(t.Context()); err == nil || !contains(err, "redrive policy") {
		t.Errorf("Redrive = %v", err)
	}
	send(t, q, "a")
	if d, err := q.Depth(t.Context()); err != nil || d != (queue.Depth{Ready: 1}) {
		t.Errorf("Depth = %+v, %v", d, err)
	}
	is(t, "received", []string{"a"}, take(t, q))
}

func TestEnsureBringsAttributesUpToDate(t *testing.T) {
	cfg, name := awstest.Config(t, emulators.MiniStack(t)), awstest.Name(t)
	attributes := func(name string, names ...types.QueueAttributeName) map[string]string {
		client := awssqs.NewFromConfig(cfg)
		url, err := client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		out, err := client.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: names})
		if err != nil {
			t.Fatal(err)
		}
		return out.Attributes
	}
	for _, o := range []sqs.Options{{}, {}, {Visibility: 30 * time.Second, MaxReceives: 5}} {
		o.Queue = name
		q := closing(t, open(t, cfg, o))
		send(t, q, "kept")
		want := map[string]string{
			"MessageRetentionPeriod": "345600", "VisibilityTimeout": "60", "SqsManagedSseEnabled": "true", "ReceiveMessageWaitTimeSeconds": "0",
		}
		receives := "10"
		if o.MaxReceives != 0 {
			want["VisibilityTimeout"], receives = "30", "5"
		}
		got := attributes(name, "MessageRetentionPeriod", "VisibilityTimeout", "SqsManagedSseEnabled", "ReceiveMessageWaitTimeSeconds")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
		redrive := attributes(name, "RedrivePolicy")["RedrivePolicy"]
		if !strings.Contains(redrive, name+"-dead") || !strings.Contains(redrive, `"`+receives+`"`) {
			t.Errorf("redrive policy %s", redrive)
		}
	}
	got := attributes(name+"-dead", "MessageRetentionPeriod", "RedriveAllowPolicy")
	if got["MessageRetentionPeriod"] != "1209600" || !strings.Contains(got["RedriveAllowPolicy"], name) {
		t.Errorf("attributes of the dead letters: %v", got)
	}
}

func TestAMissingQueueIsSaid(t *testing.T) {
	cfg := awstest.Config(t, emulators.MiniStack(t))
	q, err := sqs.New(cfg, sqs.Options{Queue: awstest.Name(t), Clock: seam.System{}, Random: seam.Crypto{}, SendTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, q)
	_, receive := q.Receive(t.Context(), 1, 0)
	for name, err := range map[string]error{"Ready": q.Ready(t.Context()), "Send": q.Send(t.Context(), queue.Outgoing{Body: []byte("x")}), "Receive": receive} {
		var failure *sqs.Error
		if !errors.As(err, &failure) || failure.Code != "QueueDoesNotExist" || !contains(err, "make the queue") {
			t.Errorf("%s = %v, want an error that says what to do", name, err)
		}
	}
}

func TestMissingCredentialsAreSaid(t *testing.T) {
	cfg := awstest.Config(t, "http://127.0.0.1:1")
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none found") })
	q, err := sqs.New(cfg, sqs.Options{Queue: "q", Clock: seam.System{}, Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, q)
	if err := q.Ready(t.Context()); err == nil || !contains(err, "AWS_PROFILE") {
		t.Errorf("Ready = %v, want an error that says where credentials come from", err)
	}
}

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }
