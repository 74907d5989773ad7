package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

// signals are what a person or an init system tells the server.
type signals struct {
	received chan os.Signal
	first    context.Context //nolint:containedctx // ends with the first of them
	stop     func()
}

func listenForSignals() *signals {
	incoming := make(chan os.Signal, 1)
	signal.Notify(incoming, syscall.SIGINT, syscall.SIGTERM)
	first, cancel := context.WithCancel(context.Background())
	const room = 4 // nobody presses Ctrl-C more often before the first is heard
	out := &signals{received: make(chan os.Signal, room), first: first}
	done := make(chan struct{})
	var forwarding sync.WaitGroup
	forwarding.Go(func() {
		for {
			select {
			case sig := <-incoming:
				cancel()
				select {
				case out.received <- sig:
				default:
				}
			case <-done:
				return
			}
		}
	})
	out.stop = func() {
		signal.Stop(incoming)
		close(done)
		forwarding.Wait()
		cancel()
	}
	return out
}

// untilStopped serves until a signal says otherwise or something fails.
//
// SIGTERM stops the server and leaves agents at work for the next one. The first SIGINT drains: jobs that run end, nothing
// more is launched. The second kills every machine and removes its registration. Where other servers go on with the same
// fleet, SIGINT is as SIGTERM.
func (s *server) untilStopped(ctx context.Context, sig *signals) error {
	drained := make(chan error, 1)
	draining := false
	drain, cancelDrain := context.WithCancel(ctx)
	defer cancelDrain()
	for {
		select {
		case err := <-s.failed:
			return errors.Join(err, s.shutDown(ctx))
		case err := <-s.worked:
			s.worked <- err // for shutDown, which waits for it
			return errors.Join(fmt.Errorf("the controller ended by itself: %w", err), s.shutDown(ctx))
		case <-ctx.Done():
			return s.shutDown(context.WithoutCancel(ctx))
		case err := <-drained:
			if err != nil {
				s.log.ErrorContext(ctx, "draining", "error", err)
			}
			s.say("Drained. Stopping.")
			return errors.Join(err, s.shutDown(ctx))
		case got := <-sig.received:
			switch {
			case got == syscall.SIGTERM || !s.parts.alone:
				s.log.InfoContext(ctx, "stopping; runners stay at work")
				return s.shutDown(ctx)
			case !draining:
				draining = true
				s.say("Draining: running jobs may end, nothing more is launched. Ctrl-C again ends them now.")
				go func() { drained <- s.controller.Drain(drain) }()
			default:
				s.say("Ending every runner and removing its registration.")
				cancelDrain()
				return errors.Join(s.kill(ctx), s.shutDown(ctx))
			}
		}
	}
}

// say speaks to the person at the terminal; nobody may be there.
func (s *server) say(text string) { _, _ = fmt.Fprintln(s.streams.out, text) }

// The bounds of an end.
const (
	// readinessLead is how long the server goes on serving after /readyz has begun to answer 503, so that whoever watches it
	// sends nothing more.
	readinessLead = time.Second
	killDeadline  = 60 * time.Second // GitHub has to be told of each registration
	workDeadline  = 30 * time.Second // for calls in flight
)

func (s *server) kill(ctx context.Context) error {
	ctx, cancel := s.clock.WithTimeout(ctx, killDeadline)
	defer cancel()
	if err := s.controller.Kill(ctx); err != nil {
		return fmt.Errorf("ending machines: %w", err)
	}
	return nil
}

// shutDown stops serving, then working. It leaves agents alone.
func (s *server) shutDown(ctx context.Context) error {
	s.ready.Drain()
	errs := []error{s.clock.Sleep(ctx, readinessLead)}
	s.polls()
	grace, cancel := s.clock.WithTimeout(ctx, s.settings.ShutdownGrace)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		s.log.WarnContext(ctx, "requests in flight were cut off", "error", err)
		errs = append(errs, s.http.Close())
	}
	s.endWork()
	end, cancelEnd := s.clock.WithTimeout(ctx, workDeadline)
	defer cancelEnd()
	select {
	case err := <-s.worked:
		errs = append(errs, err)
	case <-end.Done():
		errs = append(errs, errors.New("the controller did not end in time"))
	}
	errs = append(errs, s.closeMetrics(end), client.RemoveServerFile(s.settings.Data))
	s.log.InfoContext(ctx, "stopped")
	return errors.Join(errs...)
}
