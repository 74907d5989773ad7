package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

func put(t *testing.T, s store.Store, rows ...store.Row) {
	t.Helper()
	for _, row := range rows {
		if err := s.Transact(t.Context(), []store.Write{store.Put(row, store.Any())}); err != nil {
			t.Fatal(err)
		}
	}
}

func closeStore(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestReopenKeepsRows(t *testing.T) {
	clock := seamtest.NewClock()
	// Characters that mean something in a URL are part of the name.
	path := filepath.Join(t.TempDir(), "a store?x=1#y%20.db")
	s := open(t, path, clock)
	key := store.Key{Partition: "p", Sort: "s"}
	put(t, s, store.Row{Key: key, Value: []byte("v")})
	closeStore(t, s)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v, %v; want readable by its owner only", info.Mode(), err)
	}
	s = open(t, path, clock)
	defer closeStore(t, s)
	if row, err := s.Get(t.Context(), key); err != nil || string(row.Value) != "v" || row.Version != 1 {
		t.Errorf("Get after reopening = %+v, %v", row, err)
	}
}

func TestSweepDeletesExpiredRowsInBatches(t *testing.T) {
	clock := seamtest.NewClock()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, clock)
	for i := range 5 {
		put(t, s, store.Row{Key: store.Key{Partition: "p", Sort: fmt.Sprint(i)}, Expires: clock.Now().Add(time.Duration(i+1) * time.Second)})
	}
	put(t, s, store.Row{Key: store.Key{Partition: "p", Sort: "never"}})
	clock.Advance(4 * time.Second)
	for call, want := range []int{3, 1, 0} {
		n, err := s.Sweep(t.Context(), 3)
		if err != nil || n != want {
			t.Errorf("sweep %d = %d, %v; want %d", call, n, err, want)
		}
	}
	clock.Advance(-4 * time.Second) // what is left in the file shows when nothing has expired
	page, err := s.Query(t.Context(), store.Query{Partition: "p"})
	if err != nil || len(page.Rows) != 2 {
		t.Errorf("%d rows are left, %v; want the one that expires later and the one that never does", len(page.Rows), err)
	}
	closeStore(t, s)
}

func TestBackup(t *testing.T) {
	clock := seamtest.NewClock()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store.db"), clock)
	defer closeStore(t, s)
	for i := range 50 {
		put(t, s, store.Row{Key: store.Key{Partition: "p", Sort: fmt.Sprint(i)}, Value: []byte("v")})
	}
	backup := filepath.Join(dir, "backup.db")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	put(t, s, store.Row{Key: store.Key{Partition: "p", Sort: "after the backup"}})
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup: mode %v, %v; want readable by its owner only", info.Mode(), err)
	}
	if err := s.Backup(t.Context(), backup); !errors.Is(err, os.ErrExist) {
		t.Errorf("Backup over an existing file = %v, want os.ErrExist", err)
	}
	copied := open(t, backup, clock)
	defer closeStore(t, copied)
	page, err := copied.Query(t.Context(), store.Query{Partition: "p"})
	if err != nil || len(page.Rows) != 50 {
		t.Errorf("the backup has %d rows, %v; want 50", len(page.Rows), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.partial*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestOpenRefusesAnotherKindOfFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"text":      "this is a text, and certainly no database, however long it gets: " + strings.Repeat("x", 1000),
		"directory": "",
	} {
		path := filepath.Join(dir, name)
		var err error
		if name == "directory" {
			err = os.Mkdir(path, 0o700)
		} else {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(t.Context(), path, seamtest.NewClock(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open of a %s = %v, want an error that names the file", name, err)
		}
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	closeStore(t, open(t, path, seamtest.NewClock()))
	newer := make([]string, 100)
	for i := range newer {
		newer[i] = "SELECT 1"
	}
	db, err := sqlitedb.Open(t.Context(), sqlitedb.Options{Path: path, ApplicationID: 0x52467374, Migrations: newer}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path, seamtest.NewClock(), slog.New(slog.DiscardHandler)); !errors.Is(err, sqlitedb.ErrNewer) {
		t.Errorf("Open of a newer file = %v, want ErrNewer", err)
	}
}

// Callers that share a commit get the answers that they would get alone.
func TestRefusalsInAGroupConcernOneCaller(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), seamtest.NewClock())
	defer closeStore(t, s)
	put(t, s, store.Row{Key: store.Key{Partition: "p", Sort: "taken"}})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			own := store.Put(store.Row{Key: store.Key{Partition: "p", Sort: fmt.Sprint(i)}}, store.Absent())
			if i%2 == 0 {
				if err := s.Transact(t.Context(), []store.Write{own}); err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
				return
			}
			other := store.Put(store.Row{Key: store.Key{Partition: "p", Sort: "taken"}}, store.Absent())
			if err := s.Transact(t.Context(), []store.Write{own, other}); !store.IsConflict(err) {
				t.Errorf("writer %d = %v, want a conflict", i, err)
			}
		})
	}
	wg.Wait()
	page, err := s.Query(t.Context(), store.Query{Partition: "p"})
	if err != nil || len(page.Rows) != 33 {
		t.Errorf("%d rows, %v; want 33", len(page.Rows), err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := sqlite.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Lock(dir)
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || locked.Dir != dir {
		t.Errorf("second Lock = %v, want a *LockedError that names this process", err)
	}
	if want := fmt.Sprintf("process %d", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not contain %q", err, want)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = sqlite.Lock(dir)
	if err != nil {
		t.Fatalf("Lock after unlock: %v", err)
	}
	// A process that this one starts, such as an agent that outlives it, does not inherit the lock.
	child := exec.CommandContext(t.Context(), "cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(stdin, "running"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("child: %q, %v", line, err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = sqlite.Lock(dir)
	if err != nil {
		t.Errorf("Lock while a child of the former holder runs: %v", err)
	} else if err := unlock(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(stdin.Close(), child.Wait()); err != nil {
		t.Error(err)
	}
}

func TestLockNeedsTheDirectory(t *testing.T) {
	if _, err := sqlite.Lock(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Lock = %v, want os.ErrNotExist", err)
	}
}
