package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/emulator"
)

// ingestSQS measures webhook deliveries whose queue is a stand-in for SQS, beside a bare handler that sends to the same
// stand-in in batches. Each measured process has one of its own, started anew for each round. The endpoint is measured alone,
// since what a controller receives and deletes takes from the stand-in, one process of Python, what is sent, and then with a
// controller at work.
func ingestSQS(ctx context.Context, b *bench) error {
	rounds, length := ingestRounds, 2*time.Second
	if b.quick {
		rounds, length = 1, 200*time.Millisecond
	}
	for _, how := range []struct {
		name string
		idle bool
	}{{"the endpoint", true}, {"a server at work", false}} {
		d := newDeliveries(ours)
		for _, connections := range []int{1, 16, 64} {
			name := fmt.Sprintf("%s, %d conns", how.name, connections)
			if !b.wants(name) {
				continue
			}
			b.say("ingest-sqs: %s, %d rounds", name, rounds)
			var product, limit []round
			for range rounds {
				l, err := ingestSQSRound(ctx, b, spec{Kind: kindBare}, d, connections, length)
				if err != nil {
					return fmt.Errorf("the bare handler: %w", err)
				}
				p, err := ingestSQSRound(ctx, b, spec{Kind: kindServer, Idle: how.idle, MaxRunners: 100}, d, connections, length)
				if err != nil {
					return fmt.Errorf("the server: %w", err)
				}
				limit, product = append(limit, l), append(product, p)
			}
			reportIngest(b.report, "ingest-sqs", name, aims{}, product, limit)
		}
	}
	b.report.note("ingest-sqs: signed deliveries of %d bytes; medians of %d alternating rounds of %s; every answer was 202.", bodyBytes, rounds, length)
	return nil
}

func ingestSQSRound(ctx context.Context, b *bench, s spec, d *deliveries, connections int, length time.Duration) (r round, err error) {
	standIn, err := emulator.Start(ctx, emulator.MiniStack)
	if err != nil {
		return r, fmt.Errorf("starting a stand-in for SQS: %w", err)
	}
	defer func() { err = errors.Join(err, standIn.Stop()) }()
	s.SQS = standIn.URL
	return ingestRound(ctx, b, s, d, connections, length)
}
