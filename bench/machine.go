package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// machine is an agent of the real protocol without a process: it boots, registers, gets a job, and runs it until the
// benchmark ends.
type machine struct {
	cloud *cloud
	id    string
}

// again is how long an agent waits after a failure.
const again = 200 * time.Millisecond

// boots is how long a machine takes from the launch call's answer to its hello: faster than any cloud's, slower than a
// process, of which one machine does not start hundreds.
const boots = 2 * time.Second

func (m *machine) run(ctx context.Context) {
	if m.cloud.clock.Sleep(ctx, boots) != nil {
		return
	}
	key := "key of " + m.id
	sum := sha256.Sum256([]byte(key))
	hello := agentapi.Hello{Token: tokenPrefix + m.id, KeyHash: hex.EncodeToString(sum[:]), Version: "bench"}
	for {
		if _, err := m.cloud.w.controller.Hello(ctx, hello); err == nil {
			break
		}
		if m.cloud.clock.Sleep(ctx, again) != nil {
			return
		}
	}
	m.serve(ctx, key)
}

func (m *machine) serve(ctx context.Context, key string) {
	report := agentapi.Report{Listener: agentapi.ListenerNone}
	for ctx.Err() == nil {
		report.Sequence++
		o, err := m.cloud.w.controller.Poll(ctx, key, report)
		if errors.Is(err, agentapi.ErrRefused) {
			return
		}
		if err != nil {
			_ = m.cloud.clock.Sleep(ctx, again)
			continue
		}
		switch o.Command {
		case agentapi.CommandAssign:
			report.Runner, report.Listener = o.Assignment.Runner, agentapi.ListenerConnected
			report.WorkerStarted = m.work(ctx, report.Runner)
			report.WorkerRunning = report.WorkerStarted
		case agentapi.CommandPowerOff:
			return
		case agentapi.CommandStop, agentapi.CommandDrain:
			if !report.WorkerStarted {
				report.Listener = agentapi.ListenerStopped
			}
		case agentapi.CommandNone:
		}
	}
}

// work takes a job, of which GitHub sends its webhook.
func (m *machine) work(ctx context.Context, runner string) bool {
	s, ok := m.cloud.w.github.take(runner)
	if !ok {
		return false
	}
	s.State, s.Runner, s.Started = fleet.JobInProgress, runner, m.cloud.clock.Now()
	body, err := controller.Event{Job: &s, Received: s.Started}.Encode()
	if err == nil {
		err = m.cloud.w.queue.Send(ctx, queue.Outgoing{Body: body})
	}
	if err != nil { // only when the benchmark ends
		return false
	}
	m.cloud.worker()
	return true
}
