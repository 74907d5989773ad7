// Package telemetry is the fleet's metrics: it counts what the controller and the adapters tell, with the OpenTelemetry SDK,
// and serves the counts in Prometheus' format. Every metric is a row of one table, from which docs/metrics.md is made.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options of a Telemetry; both are required.
type Options struct {
	Clock  seam.Clock
	Logger *slog.Logger
}

// Telemetry keeps the process's metrics. It is safe for concurrent use.
type Telemetry struct {
	clock    seam.Clock
	log      *slog.Logger
	registry *prometheus.Registry
	provider *sdk.MeterProvider
	meter    metric.Meter
	table    map[string]Metric

	counters   map[string]metric.Int64Counter
	histograms map[string]metric.Float64Histogram
}

// seriesLimit is where the SDK gives up telling series of one metric apart: a last defence behind the table's vocabularies.
const seriesLimit = 1000

// New makes the instruments. What is read rather than counted follows with Watch.
func New(o Options) (*Telemetry, error) {
	t := &Telemetry{
		clock: o.Clock, log: o.Logger, registry: prometheus.NewRegistry(), table: map[string]Metric{},
		counters: map[string]metric.Int64Counter{}, histograms: map[string]metric.Float64Histogram{},
	}
	for _, m := range Table() {
		t.table[m.Name] = m
	}
	reader, err := exporter.New(
		exporter.WithRegisterer(t.registry), exporter.WithoutTargetInfo(), exporter.WithoutScopeInfo(),
		exporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
	)
	if err != nil {
		return nil, fmt.Errorf("setting up the Prometheus exporter: %w", err)
	}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := t.registry.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of the process: %w", err)
		}
	}
	t.provider = sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithResource(resource.Empty()), sdk.WithCardinalityLimit(seriesLimit))
	t.meter = t.provider.Meter("github.com/runs-fleet/runs-fleet")
	if err := t.instruments(); err != nil {
		return nil, err
	}
	t.zero()
	return t, nil
}

// instruments makes those that are written to as things happen.
func (t *Telemetry) instruments() error {
	for _, m := range t.table {
		var err error
		switch {
		case isRead(m.Name):
		case m.Kind == Counter:
			t.counters[m.Name], err = t.meter.Int64Counter(m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit))
		case m.Kind == Histogram:
			t.histograms[m.Name], err = t.meter.Float64Histogram(m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit),
				metric.WithExplicitBucketBoundaries(m.Buckets...))
		default:
		}
		if err != nil {
			return fmt.Errorf("making the metric %s: %w", m.Name, err)
		}
	}
	return nil
}

// zero makes the series of counters with one label exist before anything happens: the rate of a series that begins with 1
// would miss its first event.
func (t *Telemetry) zero() {
	for name := range t.counters {
		m := t.table[name]
		switch len(m.Labels) {
		case 0:
			t.add(name, 0)
		case 1:
			for _, v := range m.Labels[0].Values {
				t.add(name, 0, v)
			}
		default:
		}
	}
}

// add counts; values are those of the metric's labels in the table's order.
func (t *Telemetry) add(name string, n int64, values ...string) {
	t.counters[name].Add(context.Background(), n, t.labels(name, values))
}

// record measures seconds.
func (t *Telemetry) record(name string, seconds float64, values ...string) {
	t.histograms[name].Record(context.Background(), seconds, t.labels(name, values))
}

// labels bounds every value by its label's vocabulary.
func (t *Telemetry) labels(name string, values []string) metric.MeasurementOption {
	m := t.table[name]
	set := make([]attribute.KeyValue, len(m.Labels))
	for i, l := range m.Labels {
		set[i] = attribute.String(l.Name, l.value(values[i]))
	}
	return metric.WithAttributeSet(attribute.NewSet(set...))
}

// Handler serves the metrics in Prometheus' text format, or in OpenMetrics to who asks for it.
func (t *Telemetry) Handler() http.Handler {
	const atOnce = 4 // readers; more would only cost time
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(t.log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: atOnce, EnableOpenMetrics: true,
	})
}

// Gather returns what Handler serves, for tests of other packages.
func (t *Telemetry) Gather() prometheus.Gatherer { return t.registry }

// Close ends the instruments.
func (t *Telemetry) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("ending the metrics: %w", err)
	}
	return nil
}
