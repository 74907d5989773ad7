package power

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/awssim/imds"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Booter starts what runs on machines.
type Booter interface {
	// Boot starts what runs on a machine, which finds its metadata service at the address, and returns when it has started.
	Boot(ctx context.Context, m awssim.Machine, metadata string) (Running, error)
}

// Running is what was started on one machine.
type Running interface {
	// Kill ends it at once, as a lack of power does, and returns when it has ended.
	Kill()
	// Done is closed when it has ended.
	Done() <-chan struct{}
}

// Options are what a host is made of.
type Options struct {
	Cloud  *sim.Cloud
	Server *awssim.Server
	Booter Booter
	Clock  seam.Clock
	Random seam.Random
	Signer *imds.Signer
	// Most is how many machines run at once; others stay without anything that runs on them, as if they never booted. 0 is 200.
	Most int
	Log  *slog.Logger
}

// Host runs the machines of a cloud.
type Host struct {
	o Options

	mu       sync.Mutex
	machines map[string]*machine
	ending   sync.WaitGroup
}

type machine struct {
	running  Running
	metadata *http.Server
}

// defaultMost is a bound that one computer can bear.
const defaultMost = 200

// New makes a host. Nothing runs before Step or Run.
func New(o Options) *Host {
	if o.Most == 0 {
		o.Most = defaultMost
	}
	return &Host{o: o, machines: map[string]*machine{}}
}

// Step kills what has lost its power and starts what has booted since the last step. It reads the cloud's Halted and Booted,
// which nobody else may.
func (h *Host) Step(ctx context.Context) {
	now := h.o.Clock.Now()
	for _, i := range h.o.Cloud.Halted(now) {
		h.halt(i.ID)
	}
	for _, i := range h.o.Cloud.Booted(now) {
		if err := h.boot(ctx, i.ID); err != nil {
			h.o.Log.WarnContext(ctx, "a machine did not boot", slog.String("instance", i.ID), slog.String("error", err.Error()))
		}
	}
}

// Run steps at intervals until the context ends, and then ends everything that runs.
func (h *Host) Run(ctx context.Context, interval time.Duration) {
	for ctx.Err() == nil {
		h.Step(ctx)
		if h.o.Clock.Sleep(ctx, interval) != nil {
			break
		}
	}
	h.Stop()
}

// Stop ends everything that runs and returns when it has ended.
func (h *Host) Stop() {
	h.mu.Lock()
	var all []string
	for id := range h.machines {
		all = append(all, id)
	}
	h.mu.Unlock()
	for _, id := range all {
		h.halt(id)
	}
	h.ending.Wait()
}

// Running is how many machines run.
func (h *Host) Running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.machines)
}

var errFull = errors.New("as many machines run as this host may run")

func (h *Host) boot(ctx context.Context, id string) error {
	m, ok := h.o.Server.Machine(id)
	if !ok {
		return fmt.Errorf("instance %s was not launched by the API", id)
	}
	if h.Running() >= h.o.Most {
		return errFull
	}
	at, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for its metadata service: %w", err)
	}
	service := imds.New(imds.Options{Machines: h.o.Server, Instance: id, Clock: h.o.Clock, Random: h.o.Random, Signer: h.o.Signer})
	const headers = 5 * time.Second
	made := &machine{metadata: &http.Server{Handler: service.At(1), ReadHeaderTimeout: headers, ErrorLog: slog.NewLogLogger(h.o.Log.Handler(), slog.LevelDebug)}}
	h.ending.Go(func() { _ = made.metadata.Serve(at) }) // it returns when it is closed
	if made.running, err = h.o.Booter.Boot(ctx, m, "http://"+at.Addr().String()); err != nil {
		return errors.Join(fmt.Errorf("starting what runs on it: %w", err), made.metadata.Close())
	}
	h.mu.Lock()
	h.machines[id] = made
	h.mu.Unlock()
	h.ending.Go(func() { h.await(id, made) })
	return nil
}

// await turns the machine off when what runs on it has ended by itself.
func (h *Host) await(id string, m *machine) {
	<-m.running.Done()
	h.mu.Lock()
	own := h.machines[id] == m
	if own {
		delete(h.machines, id)
	}
	h.mu.Unlock()
	if !own {
		return // killed
	}
	_ = m.metadata.Close() // nobody is left to ask
	if err := h.o.Cloud.PowerOff(id); err != nil {
		h.o.Log.Warn("a machine cannot be turned off", slog.String("instance", id), slog.String("error", err.Error()))
	}
}

func (h *Host) halt(id string) {
	h.mu.Lock()
	m, ok := h.machines[id]
	delete(h.machines, id)
	h.mu.Unlock()
	if ok {
		m.running.Kill()
		_ = m.metadata.Close() // nobody is left to ask
	}
}
