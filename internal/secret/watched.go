package secret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Times of a Watched.
const (
	// every is how often a secret is read again. A rotation is complete after it, also where nothing tells us of one.
	every = 5 * time.Minute
	// least is how long after one reading the next may follow when a secret seems to be wrong: anyone can send a wrong
	// signature, and each reading costs a call.
	least = 30 * time.Second
	// readDeadline is of one reading, its repetitions included.
	readDeadline = 10 * time.Second
)

// Options of a Watched. All fields but Logger and Kept are required.
type Options struct {
	What   string // the setting that says where the secret is
	Place  string // what the setting says
	Source Source
	Form   Form
	Clock  seam.Clock
	Logger *slog.Logger // discards if nil
	Kept   func()       // told that a secret could not be read again, so that the former one is used on
}

// Watched is a secret that is kept current. It is safe for concurrent use.
type Watched struct {
	o    Options
	turn chan struct{} // held by the one who reads

	mu      sync.Mutex
	values  []string
	read    time.Time // when a reading last began
	reading bool
}

// Watch reads a secret, and returns it once it has been read.
func Watch(ctx context.Context, o Options) (*Watched, error) {
	switch {
	case o.Source == nil || o.Form == nil || o.Clock == nil:
		return nil, errors.New("a watched secret needs a source, a form and a clock")
	case o.Logger == nil:
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watched{o: o, turn: make(chan struct{}, 1)}
	if err := w.reread(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// Values returns what is valid: the present value first, then perhaps the one that it replaces. It makes no call.
func (w *Watched) Values() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.values)
}

// Run reads the secret again every few minutes until the context ends.
func (w *Watched) Run(ctx context.Context) {
	for w.o.Clock.Sleep(ctx, every) == nil {
		w.turn <- struct{}{}
		w.again(ctx)
		<-w.turn
	}
}

// Refresh reads the secret again because the values that were used have turned out to be wrong, and reports whether there
// are others now. It reads at most once in 30 seconds, whoever asks; those who ask meanwhile get the answer of that reading.
func (w *Watched) Refresh(ctx context.Context, used []string) bool {
	if w.differ(used) {
		return true
	}
	if !w.due() && !w.underWay() {
		return false
	}
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return w.differ(used)
	}
	if !w.differ(used) && w.due() {
		w.again(ctx)
	}
	return w.differ(used)
}

func (w *Watched) differ(used []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.Equal(w.values, used)
}

// due says whether a reading may begin that nobody but a wrong value asks for.
func (w *Watched) due() bool {
	now := w.o.Clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Sub(w.read) >= least
}

func (w *Watched) underWay() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reading
}

// again reads the secret, and goes on with the former value if that does not work.
func (w *Watched) again(ctx context.Context) {
	former := w.Values()
	err := w.reread(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		w.o.Logger.WarnContext(ctx, "a secret could not be read again; the former one is used on", "setting", w.o.What, "error", err)
		if w.o.Kept != nil {
			w.o.Kept()
		}
	case err == nil && w.differ(former):
		w.o.Logger.InfoContext(ctx, "a secret has been replaced", "setting", w.o.What, "valid", len(w.Values()))
	}
}

func (w *Watched) reread(ctx context.Context) error {
	now := w.o.Clock.Now()
	w.mu.Lock()
	w.read, w.reading = now, true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reading = false
	}()
	ctx, cancel := w.o.Clock.WithTimeout(ctx, readDeadline)
	defer cancel()
	values, err := w.o.Source.Read(ctx)
	if err == nil {
		values, err = w.o.Form(values)
	}
	if err != nil {
		return fmt.Errorf("%s is %s: %w", w.o.What, w.o.Place, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.values = values
	return nil
}
