package fleetconfig

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// readEvery is how often a file is read again; a change is in force that soon.
const readEvery = 2 * time.Second

// Watched is what a file means to its user, read again when it changes. The last good revision stays in force while a new
// one is wrong, or while the file cannot be read.
type Watched[T any] struct {
	o       WatchOptions[T]
	content []byte // as it was last read, good or not
	current atomic.Pointer[T]
}

// WatchOptions are what a Watched is made of.
type WatchOptions[T any] struct {
	File     string
	ReadFile func(string) ([]byte, error)
	// Use says what a configuration means; an error keeps it from being applied.
	Use    func(Config) (T, error)
	Clock  seam.Clock
	Logger *slog.Logger
}

// Watch reads the file for the first time, which must be good.
func Watch[T any](o WatchOptions[T]) (*Watched[T], error) {
	w := &Watched[T]{o: o}
	content, err := o.ReadFile(o.File)
	if err != nil {
		return nil, fmt.Errorf("reading the fleet configuration: %w", err)
	}
	return w, w.apply(content)
}

// Current is the last good revision.
func (w *Watched[T]) Current() T { return *w.current.Load() }

// Keep reads the file again and again until the context ends.
func (w *Watched[T]) Keep(ctx context.Context) {
	for w.o.Clock.Sleep(ctx, readEvery) == nil {
		w.again(ctx)
	}
}

func (w *Watched[T]) again(ctx context.Context) {
	content, err := w.o.ReadFile(w.o.File)
	switch {
	case err != nil:
		if w.content != nil {
			w.o.Logger.ErrorContext(ctx, "the fleet configuration cannot be read; the last good one stays in force", "file", w.o.File, "error", err)
		}
		w.content = nil // told once
	case w.content != nil && bytes.Equal(content, w.content):
	default:
		if err := w.apply(content); err != nil {
			w.o.Logger.ErrorContext(ctx, "the fleet configuration is not applied; the last good one stays in force", "file", w.o.File, "error", err)
		}
	}
}

func (w *Watched[T]) apply(content []byte) error {
	w.content = content
	config, findings := Parse(content)
	var wrong []string
	for _, f := range findings {
		if f.Severity == Error {
			wrong = append(wrong, w.o.File+":"+f.String())
			continue
		}
		w.o.Logger.Warn("fleet configuration", "file", w.o.File, "line", f.Line, "finding", f.Message)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w:\n%s", ErrInvalid, strings.Join(wrong, "\n"))
	}
	meaning, err := w.o.Use(config)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, w.o.File, err)
	}
	w.current.Store(&meaning)
	w.o.Logger.Info("fleet configuration applied", "file", w.o.File, "revision", config.Revision, "pools", len(config.Pools))
	return nil
}
