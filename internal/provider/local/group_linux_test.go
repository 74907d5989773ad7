package local_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestControlGroups limits what one job can take of the machine, or says in the log that it cannot.
func TestControlGroups(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
	r := newRig(t, func(o *local.Options) {
		o.MaxProcesses = 60
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	id := r.launch(t, "launch-1", 1)[0]
	b, err := os.ReadFile(filepath.Join(r.options.Dir, "instances", id, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Groups []string }
	if err := json.Unmarshal(b, &state); err != nil {
		t.Fatal(err)
	}
	limited := false
	for _, group := range state.Groups {
		_, err := os.Stat(filepath.Join(group, "pids.max"))
		limited = limited || err == nil
	}
	said := r.run(t, id, `i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done; echo all started`)
	if started := strings.Contains(said, "all started"); started == limited {
		t.Errorf("groups %v, but all processes started is %v: %s", state.Groups, started, said)
	}
	if r.provider.Isolation() == "user" && len(state.Groups) == 0 && !strings.Contains(log.String(), "no control group") {
		t.Error("no control group was made, and the log does not say so")
	}
	r.terminate(t, id)
	wait(t, "the groups to be removed", func() bool {
		return !slices.ContainsFunc(state.Groups, func(group string) bool {
			_, err := os.Stat(group)
			return err == nil
		})
	})
}
