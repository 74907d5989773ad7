// Package sqs is the queue of several replicas: a standard queue of Amazon SQS with a second one for its dead letters.
// Decision record 10 says why it is none of SQS's FIFO queues, and what it relies on.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options of a Queue. Queue, Clock and Random are required; a zero field is its default.
type Options struct {
	// Queue is the name of the queue. Its redrive policy names that of the dead letters.
	Queue  string
	Clock  seam.Clock
	Random seam.Random
	// Tally counts calls; nil counts nothing.
	Tally  *awsclient.Tally
	Logger *slog.Logger
	// Visibility is how long a delivery stays invisible, in whole seconds: 60 s.
	Visibility time.Duration
	// MaxReceives is after how many deliveries Ensure lets a message go to the dead letters: 10.
	MaxReceives int
	// SendTimeout bounds Send with all its attempts: 900 ms, so that a webhook is refused within a second when the queue is
	// down.
	SendTimeout time.Duration
	// ByHand is called when dead letters are returned one by one, because the service does not do it by itself; optional.
	ByHand func()
}

const (
	defaultVisibility  = time.Minute
	defaultMaxReceives = 10
	defaultSendTimeout = 900 * time.Millisecond
)

// Queue implements queue.Queue.
type Queue struct {
	short *sqs.Client // calls that are answered at once
	long  *sqs.Client // long polls
	name  string
	opts  Options
	log   *slog.Logger

	closing   chan struct{} // closed by Close
	closeIdle func()
	running   sync.WaitGroup // polls and sends that outlive their callers
	mu        sync.Mutex     // of all below
	closed    bool
	found     places
	batches   batches
	deadMu    sync.Mutex // held by whoever reads the dead letters, which hides them from others
}

var _ queue.Queue = (*Queue)(nil)

var errClosed = errors.New("queue is closed")

// pollTimeout bounds the wait for the first byte of a poll's answer: longer than the longest poll, so that an empty answer
// is no error (failure mode B5).
const pollTimeout = longestPoll + callMargin

// New returns the queue of that name, and makes no call. Long polls get connections of their own beside those of the
// configuration, so that they are never in the way of a send.
func New(cfg aws.Config, o Options) (*Queue, error) {
	switch {
	case strings.HasSuffix(o.Queue, ".fifo"):
		return nil, fmt.Errorf("the queue %s is a FIFO queue, and a standard one is needed: the order of messages does not matter here", o.Queue)
	case !regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`).MatchString(o.Queue):
		return nil, fmt.Errorf("%q is no name of a queue: write sqs://NAME with at most 80 letters, digits, hyphens and underscores", o.Queue)
	case o.Clock == nil || o.Random == nil:
		return nil, errors.New("a queue on SQS needs a clock and a source of randomness")
	case cfg.Region == "":
		return nil, errors.New("no AWS region is configured: set AWS_REGION to the region of the queue " + o.Queue)
	}
	q := &Queue{name: o.Queue, opts: o.withDefaults(), log: o.Logger, closing: make(chan struct{}), closeIdle: func() {}}
	if q.log == nil {
		q.log = slog.New(slog.DiscardHandler)
	}
	cfg = o.Tally.Install(cfg)
	options := func(to *sqs.Options) {
		// The repetitions are ours: they run on the seam's clock and know what may be repeated.
		to.Retryer = aws.NopRetryer{}
	}
	of := cfg.HTTPClient
	cfg.HTTPClient = awsclient.WholeBodies(of)
	q.short = sqs.NewFromConfig(cfg, options)
	cfg.HTTPClient = awsclient.WholeBodies(q.pollHTTP(of))
	q.long = sqs.NewFromConfig(cfg, options)
	return q, nil
}

func (o Options) withDefaults() Options {
	if o.Visibility == 0 {
		o.Visibility = defaultVisibility
	}
	if o.MaxReceives == 0 {
		o.MaxReceives = defaultMaxReceives
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = defaultSendTimeout
	}
	if o.ByHand == nil {
		o.ByHand = func() {}
	}
	return o
}

// pollHTTP is a client for long polls with the settings of another one, but for its time-out and its connections. A client
// of a kind that is not known is used itself.
func (q *Queue) pollHTTP(of aws.HTTPClient) aws.HTTPClient {
	if of == nil {
		of = awsclient.HTTP()
	}
	switch client := of.(type) {
	case *awshttp.BuildableClient:
		return client.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = pollTimeout })
	case *http.Client:
		transport, ok := client.Transport.(*http.Transport)
		if !ok {
			return of
		}
		own, poll := *client, transport.Clone()
		poll.ResponseHeaderTimeout = pollTimeout
		own.Transport, own.Timeout = poll, 0
		q.closeIdle = poll.CloseIdleConnections
		return &own
	default:
		return of
	}
}

// begin notes work that may outlive its caller. Without it, end must not be called.
func (q *Queue) begin() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	q.running.Add(1)
	return nil
}

func (q *Queue) end() { q.running.Done() }

// open refuses a call that must have no effect.
func (q *Queue) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	return nil
}

// Close implements queue.Queue. Those who wait in Receive get an error at once. It returns when the last poll has been
// answered, which takes up to 20 s: what a poll that nobody waits for brings is given back, and would otherwise stay
// invisible.
func (q *Queue) Close() error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.closing)
	}
	q.mu.Unlock()
	q.running.Wait()
	q.closeIdle()
	return nil
}
