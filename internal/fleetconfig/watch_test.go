package fleetconfig_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleetconfig"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// onDisk is a file that changes.
type onDisk struct {
	mu      sync.Mutex
	content string
	err     error
}

func (f *onDisk) set(content string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.content, f.err = content, err
}

func (f *onDisk) read(string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []byte(f.content), f.err
}

var errCrowded = errors.New("this server has room for two pools")

func names(c fleetconfig.Config) (string, error) {
	var out []string
	for _, p := range c.Pools {
		out = append(out, p.Name)
	}
	if len(out) > 2 {
		return "", errCrowded
	}
	return strings.Join(out, " "), nil
}

func withNames(pools ...string) string {
	text := "version: \"1\"\npools:\n"
	for _, p := range pools {
		text += "  - {name: " + p + ", runner: 2cpu-linux-amd64}\n"
	}
	return text
}

func TestTheLastGoodRevisionStaysInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &onDisk{content: withNames("a")}
		w, err := fleetconfig.Watch(fleetconfig.WatchOptions[string]{
			File: "fleet.yml", ReadFile: file.read, Use: names, Clock: seam.System{}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go w.Keep(ctx)
		for _, step := range []struct {
			name, content string
			err           error
			want          string
		}{
			{"as it was read first", withNames("a"), nil, "a"},
			{"a new one", withNames("a", "b"), nil, "a b"},
			{"one that is wrong", withNames("a", "a"), nil, "a b"},
			{"one that the server cannot do", withNames("a", "b", "c"), nil, "a b"},
			{"a file that cannot be read", "", errors.New("no such file"), "a b"},
			{"a good one again", withNames("c"), nil, "c"},
			{"none of them", "version: \"1\"\n", nil, ""},
		} {
			file.set(step.content, step.err)
			_ = seam.System{}.Sleep(ctx, 3*time.Second)
			if got := w.Current(); got != step.want {
				t.Errorf("%s: in force is %q, want %q", step.name, got, step.want)
			}
		}
		cancel()
		synctest.Wait()
	})
}

func TestTheFirstRevisionMustBeGood(t *testing.T) {
	for want, file := range map[string]*onDisk{
		"fleet.yml:4:6: error: there is a pool a already, in line 3": {content: withNames("a", "a")},
		"this server has room for two pools":                         {content: withNames("a", "b", "c")},
		"reading the fleet configuration: no such file":              {err: errors.New("no such file")},
	} {
		_, err := fleetconfig.Watch(fleetconfig.WatchOptions[string]{
			File: "fleet.yml", ReadFile: file.read, Use: names, Clock: seam.System{}, Logger: slog.New(slog.DiscardHandler),
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
}
