package faultrun

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agent"
	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// machine is an instance: a real one of the host, or an agent of this process.
type machine struct {
	inst     provider.Instance
	real     bool
	token    string
	end      context.CancelFunc // of everything that runs on it
	listener *listener
	fault    string // what was done to it
	hellos   int
	ended    time.Time
}

// boot starts an agent that lives in this process. The lock is held.
func (c *cloud) boot(m *machine) {
	life, end := context.WithCancel(c.life)
	m.end = end
	delay, seed := c.between(time.Second, 4*time.Second), c.random.Uint64()
	m.listener = newListener(life, c.clock, c.client, c.takes(seed))
	c.agents.Go(func() {
		defer end()
		client, err := agentapi.NewClient(c.servers)
		if err != nil {
			c.judge.violated("Run", "%v", err)
			return
		}
		defer client.Close()
		hello := agent.Facts()
		hello.Token = m.token
		err = agent.Run(life, agent.Options{
			Server: client, Runner: m.listener, Hello: hello, Limits: agent.DefaultLimits(), Delay: delay,
			Clock: c.clock, Random: c.crypto, Logger: slog.New(slog.DiscardHandler),
		})
		end()
		m.listener.running.Wait()
		c.left(m, err)
	})
}

// left notes that an agent has ended by itself: its machine powers off.
func (c *cloud) left(m *machine, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.fault == faultSilent {
		return // the instance is still there
	}
	reason := "powered off by its agent"
	if err != nil && !errors.Is(err, context.Canceled) {
		reason += ": " + err.Error()
	}
	c.finish(m, reason)
}

// finish ends an instance. The lock is held.
func (c *cloud) finish(m *machine, reason string) {
	if !m.inst.State.Live() {
		return
	}
	m.inst.State, m.inst.Reason, m.ended = provider.Terminated, reason, c.clock.Now()
	if m.end != nil {
		m.end()
	}
}
