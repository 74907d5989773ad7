package embedded_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

func send(t *testing.T, q queue.Queue, m queue.Outgoing) {
	t.Helper()
	if err := q.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, q queue.Queue) []queue.Message {
	t.Helper()
	messages, err := q.Receive(t.Context(), queue.MaxBatch, 0)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func texts(messages []queue.Message) []string {
	var bodies []string
	for _, m := range messages {
		bodies = append(bodies, string(m.Body))
	}
	return bodies
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "queue.db")
		q := open(t, path, seam.System{}, embedded.Options{})
		send(t, q, queue.Outgoing{Body: []byte("taken"), Attributes: map[string]string{"a": "b"}})
		if n := len(receive(t, q)); n != 1 {
			t.Fatalf("received %d messages", n)
		}
		send(t, q, queue.Outgoing{Body: []byte("waiting")})
		send(t, q, queue.Outgoing{Body: []byte("delayed"), Delay: time.Minute})
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}

		q = open(t, path, seam.System{}, embedded.Options{})
		defer func() {
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		}()
		// The one that was taken is back at once and still counts its deliveries, so that a message which kills the
		// process becomes a dead letter in the end. A delay goes on.
		messages := receive(t, q)
		if diff := cmp.Diff([]string{"taken", "waiting"}, texts(messages)); diff != "" {
			t.Fatalf("after the restart (-want +got):\n%s", diff)
		}
		if taken := messages[0]; taken.Receives != 2 || taken.Attributes["a"] != "b" {
			t.Errorf("receives = %d, attributes %v; want 2 and those sent", taken.Receives, taken.Attributes)
		}
		if err := (seam.System{}).Sleep(t.Context(), 59*time.Second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string(nil), texts(receive(t, q))); diff != "" {
			t.Errorf("before the delay is over (-want +got):\n%s", diff)
		}
		if err := (seam.System{}).Sleep(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		got := texts(receive(t, q))
		if len(got) != 3 {
			t.Errorf("after a minute received %v, want all three", got)
		}
	})
}

// A full disk: Send and Ready say so, nothing that was acknowledged is lost, and the queue goes on when
// there is space.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	q := open(t, path, seam.System{}, embedded.Options{MaxBytes: 2 << 20})
	defer func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}()
	body := make([]byte, 100<<10)
	stored := 0
	var err error
	for range 100 {
		if err = q.Send(t.Context(), queue.Outgoing{Body: body}); err != nil {
			break
		}
		stored++
	}
	if !errors.Is(err, queue.ErrFull) {
		t.Fatalf("Send to a full queue = %v after %d messages, want ErrFull", err, stored)
	}
	if err := q.Ready(t.Context()); !errors.Is(err, queue.ErrFull) {
		t.Errorf("Ready = %v, want ErrFull", err)
	}
	got := 0
	for messages := receive(t, q); len(messages) > 0; messages = receive(t, q) {
		got += len(messages)
		for _, m := range messages {
			if err := q.Delete(t.Context(), m.Receipt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got != stored {
		t.Errorf("received %d messages, %d were acknowledged", got, stored)
	}
	if err := q.Ready(t.Context()); err != nil {
		t.Errorf("Ready with space again: %v", err)
	}
	send(t, q, queue.Outgoing{Body: body})
}

func TestNotReadyWithoutFreeDiskSpace(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "queue.db"), seam.System{}, embedded.Options{MinFree: math.MaxUint64})
	if err := q.Ready(t.Context()); !errors.Is(err, queue.ErrFull) {
		t.Errorf("Ready = %v, want ErrFull", err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Ready(t.Context()); err == nil {
		t.Error("a closed queue is ready")
	}
	if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("m")}); !errors.Is(err, sqlitedb.ErrClosed) {
		t.Errorf("Send to a closed queue = %v", err)
	}
}

func TestOldDeadLettersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, filepath.Join(t.TempDir(), "queue.db"), seam.System{}, embedded.Options{
			MaxReceives: 1, Visibility: time.Second, DeadRetention: time.Hour,
		})
		defer func() {
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		}()
		bury := func(body string) {
			send(t, q, queue.Outgoing{Body: []byte(body)})
			receive(t, q)
			if err := (seam.System{}).Sleep(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
			receive(t, q)
		}
		bury("old")
		if err := (seam.System{}).Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		bury("new")
		dead, err := q.Dead(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"new"}, texts(dead)); diff != "" {
			t.Errorf("dead letters (-want +got):\n%s", diff)
		}
	})
}

// The file of a queue that is drained as fast as it fills keeps its size.
func TestSpaceIsReused(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "queue.db"), seam.System{}, embedded.Options{MaxBytes: 1 << 20})
	for i := range 200 {
		send(t, q, queue.Outgoing{Body: fmt.Appendf(make([]byte, 50<<10), "%d", i)})
		for _, m := range receive(t, q) {
			if err := q.Delete(t.Context(), m.Receipt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAnotherDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sqlitedb.Open(t.Context(), sqlitedb.Options{
		Path: path, ApplicationID: 1, Migrations: []string{"CREATE TABLE other (id INTEGER)"},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = embedded.Open(t.Context(), path, seam.System{}, embedded.Options{}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, sqlitedb.ErrForeign) {
		t.Errorf("Open = %v, want ErrForeign", err)
	}
}
