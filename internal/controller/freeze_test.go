package controller_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// fickle is a provider whose call would be another one every time: its prices change.
type fickle struct {
	*fakeCloud
	refuses bool

	mu     sync.Mutex
	frozen int
	said   []string
}

func (f *fickle) Freeze(provider.Request) (json.RawMessage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuses {
		return nil, errors.New("no type satisfies the spec")
	}
	f.frozen++
	return json.RawMessage(strconv.Itoa(f.frozen)), nil
}

func (f *fickle) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	f.mu.Lock()
	f.said = append(f.said, string(r.Frozen))
	f.mu.Unlock()
	return f.fakeCloud.Launch(ctx, r)
}

func TestEveryRepeatSaysWhatWasFrozen(t *testing.T) { // rule 2.2
	var cloud *fickle
	inWorld(t, func(c *controller.Config) {
		cloud = &fickle{fakeCloud: c.Provider.(*fakeCloud)}
		c.Provider = cloud
	}, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.dropNext, c.boot = 2, 20*time.Second }) // no hello tells of the machine before
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		said := slices.Clone(cloud.said)
		if len(said) < 2 || said[0] == "" || len(slices.Compact(said)) != 1 {
			w.t.Errorf("the calls said %q, want one thing at least twice", cloud.said)
		}
		if w.cloud.made() != 1 {
			w.t.Errorf("%d machines for one launch", w.cloud.made())
		}
	})
}

func TestALaunchThatCannotBeFrozenIsCalledAllTheSame(t *testing.T) { // the provider's refusal says what is wrong with it
	var cloud *fickle
	inWorld(t, func(c *controller.Config) {
		cloud = &fickle{fakeCloud: c.Provider.(*fakeCloud), refuses: true}
		c.Provider = cloud
	}, func(w *world) {
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if len(cloud.said) != 1 || cloud.said[0] != "" {
			w.t.Errorf("the calls said %q, want one that says nothing", cloud.said)
		}
	})
}
