package embedded_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb/killtest"
)

// sendForever sends from 16 callers; the process id in the names keeps the bursts of one file apart.
func sendForever(dir string, acknowledge func(name string)) error {
	q, err := embedded.Open(context.Background(), filepath.Join(dir, "queue.db"), seam.System{}, embedded.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var group errgroup.Group
	for sender := range 16 {
		group.Go(func() error {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), sender, i)
				if err := q.Send(context.Background(), queue.Outgoing{Body: []byte(name)}); err != nil {
					return err
				}
				acknowledge(name)
			}
		})
	}
	return group.Wait()
}

// failure mode A2
//
// Invariant AckAfterDurable: what Send has answered is delivered, whenever the process is killed.
func TestKilledSenderLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, enough := range []int{1, 100, 2000} {
		sent := killtest.Burst(t, dir, enough)
		if len(sent) < enough {
			t.Fatalf("%d acknowledgements, want at least %d", len(sent), enough)
		}
		received := drain(t, dir)
		for _, name := range sent {
			if received[name] != 1 {
				t.Errorf("message %s was acknowledged and received %d times, want once", name, received[name])
			}
		}
	}
}

// drain opens the queue anew and counts the messages in it by body.
func drain(t *testing.T, dir string) map[string]int {
	t.Helper()
	q := open(t, filepath.Join(dir, "queue.db"), seam.System{}, embedded.Options{})
	defer func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}()
	received := map[string]int{}
	for {
		messages, err := q.Receive(t.Context(), queue.MaxBatch, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) == 0 {
			return received
		}
		for _, m := range messages {
			received[string(m.Body)]++
			if err := q.Delete(t.Context(), m.Receipt); err != nil {
				t.Fatal(err)
			}
		}
	}
}
