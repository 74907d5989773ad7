package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// request is a delivery ready to be written: its headers and what differs of its body.
type request []byte

// httpRequest renders a delivery. Keep-alive is HTTP/1.1's default.
func (d *deliveries) httpRequest(one delivery) request {
	head := fmt.Appendf(nil, "POST /webhook HTTP/1.1\r\nHost: bench\r\nUser-Agent: GitHub-Hookshot/b0c5e5d\r\nAccept: */*\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nX-GitHub-Delivery: %s\r\nX-GitHub-Event: workflow_job\r\n"+
		"X-GitHub-Hook-ID: 292430182\r\nX-GitHub-Hook-Installation-Target-ID: 79929171\r\n"+
		"X-GitHub-Hook-Installation-Target-Type: repository\r\nX-Hub-Signature-256: %s\r\n\r\n",
		len(one.prefix)+len(d.suffix), one.guid, one.signature)
	return append(head, one.prefix...)
}

// burden is what a load measured.
type burden struct {
	count     int
	elapsed   time.Duration
	latencies []time.Duration
}

func (b burden) perSecond() float64 { return float64(b.count) / b.elapsed.Seconds() }

// load sends the requests over so many connections, each of which waits for its answer before it sends another, until the
// time is over or the requests are. Every answer has to be 202.
func load(ctx context.Context, clock seam.Clock, address string, connections int, requests []request, suffix []byte, limit time.Duration) (burden, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	latencies := make([][]time.Duration, connections)
	failures := make([]error, connections)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := clock.Now()
	for i := range connections {
		wg.Go(func() {
			latencies[i], failures[i] = client(ctx, clock, address, suffix, began.Add(limit), func() request {
				if n := int(next.Add(1)) - 1; n < len(requests) {
					return requests[n]
				}
				return nil
			})
			if failures[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	b := burden{elapsed: clock.Now().Sub(began)}
	for _, l := range latencies {
		b.latencies = append(b.latencies, l...)
	}
	b.count = len(b.latencies)
	if err := errors.Join(failures...); err != nil {
		return b, err
	}
	return b, ctx.Err()
}

// client is one connection.
func client(ctx context.Context, clock seam.Clock, address string, suffix []byte, until time.Time, next func() request) ([]time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting to the measured server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	var latencies []time.Duration
	for {
		began := clock.Now()
		if ctx.Err() != nil || began.After(until) {
			return latencies, nil
		}
		r := next()
		if r == nil {
			return latencies, nil
		}
		parts := net.Buffers{r, suffix}
		if _, err := parts.WriteTo(conn); err != nil {
			return latencies, fmt.Errorf("sending a delivery: %w", err)
		}
		if err := accepted(in); err != nil {
			return latencies, err
		}
		latencies = append(latencies, clock.Now().Sub(began))
	}
}

// accepted reads one answer; net/http's client would cost more than what is measured.
func accepted(in *bufio.Reader) error {
	status, err := in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading an answer's headers: %w", err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if strings.EqualFold(string(name), "Content-Length") {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return fmt.Errorf("reading an answer's length: %w", err)
			}
		}
	}
	if length < 0 {
		return errors.New("an answer has no length: it cannot be kept apart from the next")
	}
	if _, err := in.Discard(length); err != nil {
		return fmt.Errorf("reading an answer's body: %w", err)
	}
	if !strings.HasPrefix(status, "HTTP/1.1 202 ") {
		return fmt.Errorf("a delivery was answered %q instead of 202", strings.TrimSpace(status))
	}
	return nil
}
