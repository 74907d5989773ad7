package secret_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is where a secret is kept, and how long a reading takes there.
type place struct {
	mu     sync.Mutex
	values []string
	err    error
	takes  time.Duration
	reads  int
}

func (p *place) Read(ctx context.Context) ([]string, error) {
	p.mu.Lock()
	takes := p.takes
	p.reads++
	p.mu.Unlock()
	if err := (seam.System{}).Sleep(ctx, takes); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.values, p.err
}

func (p *place) holds(err error, values ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values, p.err = values, err
}

func (p *place) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads
}

// pass lets the time of a synctest bubble go by.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := (seam.System{}).Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func watch(t *testing.T, p *place, kept func()) *secret.Watched {
	t.Helper()
	w, err := secret.Watch(t.Context(), secret.Options{
		What: "webhook_secret_file", Place: "ssm:/hook", Source: p, Form: secret.Lines, Clock: seam.System{}, Kept: kept,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func wantValues(t *testing.T, w *secret.Watched, want ...string) {
	t.Helper()
	if got := w.Values(); !slices.Equal(got, want) {
		t.Errorf("values = %q, want %q", got, want)
	}
}

func TestASecretIsReadAgainEveryFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{values: []string{"one"}}
		var kept atomic.Int64
		w := watch(t, p, func() { kept.Add(1) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.Run(ctx)
		p.holds(nil, "two\none")
		pass(t, 5*time.Minute-time.Second)
		wantValues(t, w, "one")
		pass(t, 2*time.Second)
		wantValues(t, w, "two", "one")
		// A place that cannot be read, or holds nothing, changes nothing but is told.
		p.holds(errors.New("throttled"), "three")
		pass(t, 5*time.Minute)
		p.holds(nil, "")
		pass(t, 5*time.Minute)
		wantValues(t, w, "two", "one")
		if n := kept.Load(); n != 2 {
			t.Errorf("told %d times that the former secret is used on, want 2", n)
		}
		p.holds(nil, "three")
		pass(t, 5*time.Minute)
		wantValues(t, w, "three")
	})
}

func TestAWrongSecretIsReadAgainAtOnceButNotOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{values: []string{"one"}}
		w := watch(t, p, nil)
		p.holds(nil, "two")
		if w.Refresh(t.Context(), []string{"one"}) {
			t.Error("read again right after it was read")
		}
		pass(t, 30*time.Second)
		if !w.Refresh(t.Context(), []string{"one"}) || p.count() != 2 {
			t.Errorf("not read again after 30 seconds (%d reads)", p.count())
		}
		wantValues(t, w, "two")
		if !w.Refresh(t.Context(), []string{"one"}) || p.count() != 2 {
			t.Errorf("whoever used the former values is not told of the new ones (%d reads)", p.count())
		}
		for range 1500 { // wrong signatures from anyone
			if w.Refresh(t.Context(), []string{"two"}) {
				t.Error("told of a change that there was not")
			}
			pass(t, 30*time.Millisecond)
		}
		if p.count() != 3 {
			t.Errorf("%d reads in 45 seconds of wrong signatures, want 1 more", p.count()-2)
		}
	})
}

func TestThoseWhoAskTogetherShareOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{values: []string{"one"}}
		w := watch(t, p, nil)
		pass(t, time.Minute)
		p.holds(nil, "two")
		p.takes = time.Second
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if !w.Refresh(t.Context(), []string{"one"}) {
					t.Error("somebody did not get the new values")
				}
			})
		}
		wg.Wait()
		if p.count() != 2 {
			t.Errorf("%d reads, want 1", p.count()-1)
		}
		// Whoever cannot wait gives up, and the reading of another goes on.
		pass(t, time.Minute)
		p.holds(nil, "three")
		wg.Go(func() { w.Refresh(t.Context(), []string{"two"}) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		wg.Go(func() {
			if w.Refresh(ctx, []string{"two"}) {
				t.Error("told of a change before it was known")
			}
		})
		wg.Wait()
		wantValues(t, w, "three")
	})
}

func TestAPlaceThatDoesNotAnswerEndsTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := secret.Watch(t.Context(), secret.Options{
			What: "webhook_secret_file", Place: "ssm:/hook", Source: &place{takes: time.Hour}, Form: secret.Whole, Clock: seam.System{},
		})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "webhook_secret_file is ssm:/hook") {
			t.Errorf("error = %v, want one that names the setting and its place", err)
		}
	})
	if _, err := secret.Watch(t.Context(), secret.Options{}); err == nil {
		t.Error("watched nothing")
	}
}
