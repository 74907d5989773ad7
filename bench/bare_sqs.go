package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// queueName is the queue of a measured process, whose stand-in is its own.
const queueName = "bench"

func sqsConfig(endpoint string) aws.Config {
	return aws.Config{
		Region: emulator.Region, BaseEndpoint: aws.String(endpoint), HTTPClient: awsclient.HTTP(),
		Credentials: credentials.NewStaticCredentialsProvider(emulator.AccessKey, emulator.SecretKey, ""),
	}
}

// openSQS is the product's queue.
func openSQS(ctx context.Context, endpoint string, clock seam.Clock, random seam.Random, logger *slog.Logger) (*sqs.Queue, error) {
	q, err := sqs.New(sqsConfig(endpoint), sqs.Options{Queue: queueName, Clock: clock, Random: random, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("preparing the queue: %w", err)
	}
	if err := q.Ensure(ctx); err != nil {
		return nil, fmt.Errorf("making the queue: %w", err)
	}
	return q, nil
}

// bareSQS is the limit of what the stand-in for SQS takes from a handler that does no more than it must.
func bareSQS(ctx context.Context, s spec, listener net.Listener, in io.Reader, out io.Writer) error {
	client := awssqs.NewFromConfig(sqsConfig(s.SQS), func(o *awssqs.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = awsclient.WholeBodies(o.HTTPClient)
	})
	made, err := client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String(queueName)})
	if err != nil {
		return fmt.Errorf("making the queue: %w", err)
	}
	sender := newBatchSender(client, made.QueueUrl)
	defer sender.close()
	return answer(listener, newBare(sender), func() usageOf { return usageOf{} }, in, out)
}

// The bounds of the bare sender. Ten messages are the most that SQS takes at once; four calls at a time, as many as the
// product's, keep the stand-in busy, which is one process of Python.
const (
	sendersOfLimit = 4
	messagesOfCall = 10
	sendDeadline   = 10 * time.Second
)

// batchSender sends what has come while calls were under way in batches.
type batchSender struct {
	client  *awssqs.Client
	url     *string
	waiting chan entry
	running sync.WaitGroup
}

func newBatchSender(client *awssqs.Client, url *string) *batchSender {
	s := &batchSender{client: client, url: url, waiting: make(chan entry)}
	for range sendersOfLimit {
		s.running.Go(s.run)
	}
	return s
}

// append returns once the record is in the queue.
func (s *batchSender) append(record []byte) error {
	e := entry{record, make(chan error, 1)}
	s.waiting <- e
	return <-e.done
}

func (s *batchSender) run() {
	for first := range s.waiting {
		batch := append(make([]entry, 0, messagesOfCall), first)
	more:
		for len(batch) < messagesOfCall {
			select {
			case e, ok := <-s.waiting:
				if !ok {
					break more
				}
				batch = append(batch, e)
			default:
				break more
			}
		}
		err := s.send(batch)
		for _, e := range batch {
			e.done <- err
		}
	}
}

func (s *batchSender) send(batch []entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), sendDeadline)
	defer cancel()
	in := &awssqs.SendMessageBatchInput{QueueUrl: s.url}
	for i, e := range batch {
		text := make([]byte, len(e.record))
		for j, c := range e.record {
			text[j] = max(c, ' ') // SQS takes no control characters
		}
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(text))})
	}
	out, err := s.client.SendMessageBatch(ctx, in)
	switch {
	case err != nil:
		return fmt.Errorf("sending: %w", err)
	case len(out.Successful) != len(batch):
		return fmt.Errorf("%d of %d messages were taken", len(out.Successful), len(batch))
	default:
		return nil
	}
}

// close ends the sender once nobody appends any more.
func (s *batchSender) close() {
	close(s.waiting)
	s.running.Wait()
}
