package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ingestRounds alternates the two processes, so that what else the machine does meets both; the median is reported.
const ingestRounds = 3

// round is what one process did in one round.
type round struct {
	perSecond float64
	p50, p99  float64 // ms
}

// ingest measures webhook deliveries over HTTP with keep-alive: the server with its controller at work, beside a bare
// handler. Both are processes of their own, started anew for each round.
func ingest(ctx context.Context, b *bench) error {
	rounds, length := ingestRounds, 2*time.Second
	if b.quick {
		rounds, length = 1, 200*time.Millisecond
	}
	for _, jobs := range []struct {
		name   string
		labels func(int64) string
	}{{"jobs of ours", ours}, {"foreign jobs", foreign}} {
		d := newDeliveries(jobs.labels)
		for _, connections := range []int{1, 16, 64} {
			name := fmt.Sprintf("%s, %d conns", jobs.name, connections)
			if !b.wants(name) {
				continue
			}
			b.say("ingest: %s, %d rounds", name, rounds)
			var product, limit []round
			for range rounds {
				l, err := ingestRound(ctx, b, spec{Kind: kindBare}, d, connections, length)
				if err != nil {
					return fmt.Errorf("the bare handler: %w", err)
				}
				p, err := ingestRound(ctx, b, spec{Kind: kindServer, Foreign: jobs.name == "foreign jobs", MaxRunners: 100}, d, connections, length)
				if err != nil {
					return fmt.Errorf("the server: %w", err)
				}
				limit, product = append(limit, l), append(product, p)
			}
			var wanted aims
			if connections > 1 {
				wanted = aims{rate: ratioAtLeast(0.5), p99: ratioAtMost(2)}
			}
			reportIngest(b.report, "ingest", name, wanted, product, limit)
		}
	}
	b.report.note("ingest: signed deliveries of %d bytes; medians of %d alternating rounds of %s; every answer was 202.", bodyBytes, rounds, length)
	return nil
}

// aims are what deliveries are held to.
type aims struct{ rate, p99 aim }

func reportIngest(r *report, benchmark, name string, wanted aims, product, limit []round) {
	of := func(rounds []round, f func(round) float64) float64 {
		values := make([]float64, len(rounds))
		for i, x := range rounds {
			values[i] = f(x)
		}
		return middle(values)
	}
	rate, p50, p99 := func(x round) float64 { return x.perSecond }, func(x round) float64 { return x.p50 }, func(x round) float64 { return x.p99 }
	r.add(figure{Benchmark: benchmark, Case: name, What: "deliveries", Unit: "/s", Value: of(product, rate), Limit: of(limit, rate)}, wanted.rate)
	r.add(figure{Benchmark: benchmark, Case: name, What: "p50", Unit: "ms", Value: of(product, p50), Limit: of(limit, p50)}, aim{})
	r.add(figure{Benchmark: benchmark, Case: name, What: "p99", Unit: "ms", Value: of(product, p99), Limit: of(limit, p99)}, wanted.p99)
}

func ingestRound(ctx context.Context, b *bench, s spec, d *deliveries, connections int, length time.Duration) (r round, err error) {
	dir, err := os.MkdirTemp("", "bench-ingest-")
	if err != nil {
		return r, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.Dir = dir
	if folder := os.Getenv(profileVariable); folder != "" {
		s.Profile = filepath.Join(folder, fmt.Sprintf("ingest-%s-%d.pprof", s.Kind, connections))
	}
	const most = 20_000 // a second: no machine that this was tried on comes near
	now := b.clock.Now()
	requests := make([]request, int(most*length.Seconds()))
	for i := range requests {
		requests[i] = d.httpRequest(d.make(firstJob+int64(i), now))
	}
	c, err := startChild(ctx, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	warm := len(requests) / 20
	if _, err := load(ctx, b.clock, c.address, connections, requests[:warm], d.suffix, length/10); err != nil {
		return r, err
	}
	got, err := load(ctx, b.clock, c.address, connections, requests[warm:], d.suffix, length)
	if err != nil {
		return r, err
	}
	return round{
		perSecond: got.perSecond(), p50: milliseconds(quantile(got.latencies, 0.5)), p99: milliseconds(quantile(got.latencies, 0.99)),
	}, nil
}

// profileVariable names the folder that the measured processes write CPU profiles to.
const profileVariable = "BENCH_PROFILES"
