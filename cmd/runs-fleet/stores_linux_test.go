package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// command runs a command line that opens the store, and returns its exit code and what it says.
func command(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = cli.Run(t.Context(), args, cli.Env{
		Out: &out, Err: &out, Environ: os.Environ(), ReadFile: os.ReadFile, Clock: seam.System{}, Random: seam.Crypto{},
		Stores: openStores(), Deploy: deploy,
	})
	return code, out.String()
}

func wantSaid(t *testing.T, wantCode int, want string, args ...string) {
	t.Helper()
	if code, said := command(t, args...); code != wantCode || !strings.Contains(said, want) {
		t.Errorf("%v exits with %d and says %q, want %d and %q", args, code, said, wantCode, want)
	}
}

// dataOf makes a data directory with a fleet's rows, as a server leaves it, and returns the open store.
func dataOf(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "store.db"), seam.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := record.New(s)
	if _, err := r.Identity(t.Context(), func() record.Identity { return record.Identity{Fleet: "ab12cd34"} }); err != nil {
		t.Fatal(err)
	}
	beat := r.PutHeartbeat(record.Kept[record.Heartbeat]{}, record.Heartbeat{At: time.Now()})
	if err := r.Commit(t.Context(), beat); err != nil {
		t.Fatal(err)
	}
	return s
}

func closing(t *testing.T, done func() error) {
	t.Helper()
	if err := done(); err != nil {
		t.Error(err)
	}
}

// rowsOf are the lines of a stream without its header and trailer, in which streams of the same rows differ.
func rowsOf(t *testing.T, stream string) []string {
	t.Helper()
	content, err := os.ReadFile(stream)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	return lines[1 : len(lines)-1]
}

func TestAStoreIsBackedUpAndExportedWhileItsServerRuns(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	unlock, err := sqlite.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := dataOf(t, dir)
	backup, stream := filepath.Join(out, "backup.db"), filepath.Join(out, "stream")
	wantSaid(t, cli.ExitOK, "Copied the database to "+backup, "store", "backup", backup, "--data", dir)
	wantSaid(t, cli.ExitFailed, "exists already", "store", "backup", backup, "--data", dir)
	wantSaid(t, cli.ExitOK, "Exported 2 rows of the fleet ab12cd34", "store", "export", stream, "--data", dir)
	wantSaid(t, cli.ExitFailed, "exists already", "store", "export", stream, "--data", dir)
	wantSaid(t, cli.ExitOK, "is at work: the stream may lack", "store", "export", "-", "--data", dir)
	wantSaid(t, cli.ExitFailed, "stop that server", "store", "import", stream, "--data", dir, "--replace")
	closing(t, s.Close)
	closing(t, unlock)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 { // the database and the lock
		t.Errorf("left in the data directory: %v, %v", left, err)
	}
	for _, path := range []string{backup, stream} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want a file that only its owner can read", path, info, err)
		}
	}
	// A restored back-up is the store.
	restored := t.TempDir()
	if err := os.Rename(backup, filepath.Join(restored, "store.db")); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(out, "again")
	wantSaid(t, cli.ExitOK, "Exported 2 rows", "store", "export", again, "--data", restored)
	if got, want := rowsOf(t, again), rowsOf(t, stream); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows of the back-up:\n%s\nwant\n%s", got, want)
	}
	wantSaid(t, cli.ExitFailed, "no such file", "store", "backup", filepath.Join(out, "none"), "--data", out)
}

func TestAFleetMovesToDynamoDBAndBack(t *testing.T) {
	onMiniStack(t)
	dir, out, table := t.TempDir(), t.TempDir(), "dynamodb://"+awstest.Name(t)
	closing(t, dataOf(t, dir).Close)
	first, second, third := filepath.Join(out, "1"), filepath.Join(out, "2"), filepath.Join(out, "3")
	wantSaid(t, cli.ExitOK, "is there", "deploy", "dev", "--store", table)
	wantSaid(t, cli.ExitOK, "Exported 2 rows of the fleet ab12cd34", "store", "export", first, "--data", dir)
	wantSaid(t, cli.ExitOK, "Imported 2 rows of the fleet ab12cd34 into "+table, "store", "import", first, "--store", table)
	// The heartbeat came along, so that servers seem to be at work for three minutes.
	wantSaid(t, cli.ExitFailed, "stop every server", "store", "import", first, "--store", table)
	wantSaid(t, cli.ExitOK, "the stream may lack", "store", "export", second, "--store", table)
	wantSaid(t, cli.ExitUsage, "point-in-time recovery", "store", "backup", third, "--store", table)
	back := t.TempDir()
	wantSaid(t, cli.ExitOK, "Imported 2 rows", "store", "import", second, "--data", back)
	wantSaid(t, cli.ExitOK, "Exported 2 rows", "store", "export", third, "--data", back)
	if got, want := rowsOf(t, third), rowsOf(t, first); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows that came back:\n%s\nwant\n%s", got, want)
	}
}

func TestStreamsAreImportedIntoTheirOwnFleetOnly(t *testing.T) {
	dir, out, other := t.TempDir(), t.TempDir(), t.TempDir()
	closing(t, dataOf(t, dir).Close)
	stream, cut := filepath.Join(out, "stream"), filepath.Join(out, "cut")
	wantSaid(t, cli.ExitOK, "Exported", "store", "export", stream, "--data", dir)
	wantSaid(t, cli.ExitFailed, "--replace", "store", "import", stream, "--data", dir)
	wantSaid(t, cli.ExitOK, "Imported 2 rows", "store", "import", stream, "--data", dir, "--replace")
	s, err := sqlite.Open(t.Context(), filepath.Join(other, "store.db"), seam.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record.New(s).Identity(t.Context(), func() record.Identity { return record.Identity{Fleet: "00000000"} }); err != nil {
		t.Fatal(err)
	}
	closing(t, s.Close)
	wantSaid(t, cli.ExitFailed, "another fleet", "store", "import", stream, "--data", other, "--replace")
	content, err := os.ReadFile(stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, content[:len(content)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(out, "nowhere")
	wantSaid(t, cli.ExitFailed, "ends before its end", "store", "import", cut, "--data", nowhere)
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("a data directory was made for a stream that is not whole")
	}
	wantSaid(t, cli.ExitUsage, "needs a file", "store", "import")
	wantSaid(t, cli.ExitFailed, "no backend", "store", "export", "-", "--store", "ftp://x")
}

func TestAServerDoesNotStartOnHalfAStore(t *testing.T) {
	dir := t.TempDir()
	s := dataOf(t, dir)
	note := store.Put(store.Row{Key: store.UnfinishedImport()}, store.Absent())
	if err := s.Transact(t.Context(), []store.Write{note}); err != nil {
		t.Fatal(err)
	}
	closing(t, s.Close)
	wantSaid(t, cli.ExitFailed, "has not been finished", "store", "export", "-", "--data", dir)
	srv := &server{clock: seam.System{}, random: seam.Crypto{}, log: slog.New(slog.DiscardHandler)}
	srv.settings.Data, srv.settings.Store, srv.settings.Queue = dir, "sqlite://store.db", "sqlite://queue.db"
	p := &parts{clock: srv.clock}
	if err := p.openData(t.Context(), srv); err == nil || !strings.Contains(err.Error(), "repeat runs-fleet store import") {
		t.Errorf("error = %v, want one that says how to finish the import", err)
	}
	closing(t, p.close)
}
