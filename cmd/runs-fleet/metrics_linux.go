package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
	"github.com/runs-fleet/runs-fleet/internal/web"
)

// listenMetrics takes the address of metrics_listen, if one is set.
func (p *parts) listenMetrics(ctx context.Context, s settings.Settings) error {
	if s.MetricsListen == "" {
		return nil
	}
	var config net.ListenConfig
	var err error
	if p.metrics, err = config.Listen(ctx, "tcp", s.MetricsListen); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("listening on %s for metrics: another program does so already; choose another address with --metrics-listen (%w)",
				s.MetricsListen, err)
		}
		return fmt.Errorf("listening on %s for metrics: %w", s.MetricsListen, err)
	}
	p.onClose("the listener of the metrics", func() error {
		if err := p.metrics.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("closing: %w", err)
		}
		return nil
	})
	return nil
}

// watchMetrics gives the metrics what they read when they are asked for.
func (s *server) watchMetrics(webhook *ingress.Webhook) error {
	sources := telemetry.Sources{GitHub: s.parts.github.Usage, Queue: s.parts.queue, Records: s.parts.records}
	if webhook != nil {
		sources.Deliveries = webhook.Stats
	}
	if err := s.telemetry.Watch(sources); err != nil {
		return fmt.Errorf("setting up the metrics: %w", err)
	}
	return nil
}

// serveMetrics serves the listener that metrics have of their own, if there is one.
func (s *server) serveMetrics(ctx context.Context, tokens []web.Token) {
	l := s.parts.metrics
	if l == nil {
		return
	}
	s.metrics = &http.Server{ //nolint:gosec // Harden sets every deadline
		Handler:     web.Metrics(s.telemetry.Handler(), s.settings.MetricsListen, tokens),
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ingress.Harden(s.metrics)
	go func() {
		if err := s.metrics.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serving metrics: %w", err)
		}
	}()
}

// closeMetrics ends the listener of the metrics last, so that they show how the server stops.
func (s *server) closeMetrics(ctx context.Context) error {
	errs := []error{s.telemetry.Close(ctx)}
	if s.metrics != nil {
		if err := s.metrics.Close(); err != nil {
			errs = append(errs, fmt.Errorf("ending the listener of the metrics: %w", err))
		}
	}
	return errors.Join(errs...)
}
