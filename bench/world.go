package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// world is a control plane as it runs on one machine, with its real storage; GitHub and the provider are in memory.
type world struct {
	store      *countedStore
	queue      depthQueue
	records    *record.Records
	controller *controller.Controller
	webhook    *ingress.Webhook
	github     *hub
	cloud      *cloud
}

// depthQueue is a queue that says how much waits in it.
type depthQueue interface {
	queue.Queue
	Depth(ctx context.Context) (queue.Depth, error)
}

func openQueue(ctx context.Context, o worldOptions, clock seam.Clock, random seam.Random, logger *slog.Logger) (depthQueue, error) {
	if o.sqs != "" {
		return openSQS(ctx, o.sqs, clock, random, logger)
	}
	return embedded.Open(ctx, filepath.Join(o.dir, "queue.db"), clock, embedded.Options{}, logger)
}

// worldOptions are what differs between benchmarks.
type worldOptions struct {
	dir        string
	log        io.Writer
	maxRunners int
	labels     func(run int64) string
	sqs        string // endpoint of the queue's service; empty for the embedded one
	slow       bool   // calls take what they take in the real world
	agents     bool   // machines say hello and run jobs
}

func openWorld(ctx context.Context, o worldOptions) (_ *world, err error) {
	clock, random, logger := seam.System{}, seam.Crypto{}, slog.New(slog.NewTextHandler(o.log, nil))
	w := &world{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	file, err := sqlite.Open(ctx, filepath.Join(o.dir, "store.db"), clock, logger)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	w.store = &countedStore{Store: file}
	if w.queue, err = openQueue(ctx, o, clock, random, logger); err != nil {
		return nil, fmt.Errorf("opening the queue: %w", err)
	}
	w.records = record.New(w.store)
	w.webhook, err = ingress.New(ingress.Options{
		Secrets: []string{webhookSecret}, Owners: []string{owner}, Host: host, Queue: w.queue, Clock: clock, Logger: logger,
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the webhook: %w", err)
	}
	w.github = newHub(clock, o.labels, o.slow)
	w.cloud = newCloud(clock, w, o.slow, o.agents)
	w.controller, err = controller.New(controller.Config{
		Records: w.records, Queue: w.queue, GitHub: w.github, Provider: w.cloud, Verifier: w.cloud,
		Clock: clock, Random: random, Logger: logger,
		Site: fleet.Site{Environment: fleet.DefaultEnvironment, Region: "bench"}, MaxRunners: o.maxRunners, NoPacing: true,
		Resolve: func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			return label.Resolve(labels, label.Fleet{})
		},
		Ours: func(labels []string) bool {
			_, err := label.Resolve(labels, label.Fleet{})
			return !errors.Is(err, label.ErrNotOurs)
		},
		Fold: label.Fold, AllowOwner: func(login string) bool { return login == owner }, AllowPublic: func(fleet.Repository) bool { return false },
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the controller: %w", err)
	}
	return w, nil
}

// start runs the controller until stop is called, which also ends all agents.
func (w *world) start(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.controller.Run(ctx) }()
	return func() error {
		w.cloud.end()
		cancel()
		if err := <-done; err != nil {
			return fmt.Errorf("running the controller: %w", err)
		}
		return nil
	}
}

func (w *world) close() error {
	var errs []error
	if w.queue != nil {
		errs = append(errs, w.queue.Close())
	}
	if w.store != nil {
		errs = append(errs, w.store.Close())
	}
	return errors.Join(errs...)
}

// repository is the one that all benchmarks' jobs belong to, unless they say otherwise.
func repository() fleet.Repository {
	return fleet.Repository{Host: host, ID: 7, Owner: owner, Name: "shop", Private: true, Installation: 5005}
}
