package telemetry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// Sources are what is read whenever the metrics are asked for. A nil one has no metrics.
type Sources struct {
	Deliveries func() map[ingress.Outcome]uint64
	GitHub     func() []github.Usage
	Queue      interface {
		Depth(ctx context.Context) (queue.Depth, error)
	}
	Records *record.Records
}

// How the sources are read.
const (
	readDeadline = 2 * time.Second // an answer that takes longer is worth less than the other metrics
	readEvery    = 5 * time.Second // of what costs a query, however often it is asked for
)

// isRead says whether a metric is read from a source rather than counted.
func isRead(name string) bool {
	return slices.Contains([]string{
		nameDeliveries, nameMachines, nameGitHubCalls, nameGitHubBudget, nameGitHubPause, nameQueue, nameDueLag,
	}, name)
}

// Watch adds the metrics of the sources; call it once. A source that does not answer has no value meanwhile: what is
// unknown must not look like 0.
func (t *Telemetry) Watch(s Sources) error {
	var errs []error
	if s.Deliveries != nil {
		errs = append(errs, t.counter(nameDeliveries, func(emit emitInt) {
			for outcome, n := range s.Deliveries() {
				emit(count(n), string(outcome))
			}
		}))
	}
	if s.GitHub != nil {
		errs = append(errs,
			t.counter(nameGitHubCalls, func(emit emitInt) { gitHubCalls(s.GitHub(), emit) }),
			t.gauge(nameGitHubBudget, func(_ context.Context, emit emitFloat) error { return gitHubBudget(s.GitHub(), t.clock.Now(), emit) }),
			t.gauge(nameGitHubPause, func(_ context.Context, emit emitFloat) error { return gitHubPause(s.GitHub(), t.clock.Now(), emit) }),
		)
	}
	if s.Queue != nil {
		depth := &recent[queue.Depth]{t: t, read: s.Queue.Depth}
		errs = append(errs, t.gauge(nameQueue, func(ctx context.Context, emit emitFloat) error {
			d, err := depth.get(ctx)
			if err != nil {
				return err
			}
			emit(float64(d.Ready), queueReady)
			emit(float64(d.Taken), queueTaken)
			emit(float64(d.Dead), queueDead)
			return nil
		}))
	}
	if s.Records != nil {
		machines := &recent[map[string]int]{t: t, read: func(ctx context.Context) (map[string]int, error) { return machinesByState(ctx, s.Records) }}
		lag := &recent[time.Duration]{t: t, read: func(ctx context.Context) (time.Duration, error) { return s.Records.DueLag(ctx, t.clock.Now()) }}
		errs = append(errs,
			t.gauge(nameMachines, func(ctx context.Context, emit emitFloat) error { return emitMachines(ctx, machines, emit) }),
			t.gauge(nameDueLag, func(ctx context.Context, emit emitFloat) error {
				d, err := lag.get(ctx)
				if err != nil {
					return err
				}
				emit(d.Seconds())
				return nil
			}),
		)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// emitInt and emitFloat give a value of one series.
type (
	emitInt   func(n int64, values ...string)
	emitFloat func(x float64, values ...string)
)

func (t *Telemetry) counter(name string, read func(emitInt)) error {
	m := t.table[name]
	_, err := t.meter.Int64ObservableCounter(name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(n int64, values ...string) {
				set, _ := t.labels(name, values).(metric.ObserveOption)
				o.Observe(n, set)
			})
			return nil
		}))
	if err != nil {
		return fmt.Errorf("making the metric %s: %w", name, err)
	}
	return nil
}

func (t *Telemetry) gauge(name string, read func(context.Context, emitFloat) error) error {
	m := t.table[name]
	_, err := t.meter.Float64ObservableGauge(name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			ctx, cancel := t.clock.WithTimeout(ctx, readDeadline)
			defer cancel()
			err := read(ctx, func(x float64, values ...string) {
				set, _ := t.labels(name, values).(metric.ObserveOption)
				o.Observe(x, set)
			})
			if err != nil {
				t.log.WarnContext(ctx, "a metric has no value, since it could not be read", "metric", m.Prometheus(), "error", err)
			}
			return nil
		}))
	if err != nil {
		return fmt.Errorf("making the metric %s: %w", name, err)
	}
	return nil
}

// recent keeps an answer for some seconds, so that no number of readers costs more than one.
type recent[T any] struct {
	t    *Telemetry
	read func(context.Context) (T, error)

	mu    sync.Mutex
	value T
	err   error
	next  time.Time
}

func (r *recent[T]) get(ctx context.Context) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.t.clock.Now(); !now.Before(r.next) {
		r.value, r.err = r.read(ctx)
		r.next = now.Add(readEvery)
	}
	return r.value, r.err
}
