package sqlitedb_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const applicationID = 7

func options(path string, migrations ...string) sqlitedb.Options {
	if len(migrations) == 0 {
		migrations = []string{"CREATE TABLE words (word TEXT PRIMARY KEY)"}
	}
	return sqlitedb.Options{Path: path, ApplicationID: applicationID, Migrations: migrations}
}

func open(t *testing.T, opts sqlitedb.Options) *sqlitedb.DB {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func insert(word string) sqlitedb.Func {
	return func(ctx context.Context, tx *sqlitedb.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO words VALUES (?)", word)
		return err
	}
}

func words(t *testing.T, db *sqlitedb.DB) []string {
	t.Helper()
	rows, err := db.Readers().QueryContext(t.Context(), "SELECT word FROM words ORDER BY word")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			t.Error(err)
		}
		all = append(all, word)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Error(err)
	}
	return all
}

// group holds up the writer until all of fns are queued, so that they share one commit, and returns their answers.
func group(t *testing.T, db *sqlitedb.DB, fns ...sqlitedb.Func) []error {
	t.Helper()
	entered, release := make(chan struct{}), make(chan struct{})
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Write(t.Context(), sqlitedb.Durable, func(context.Context, *sqlitedb.Tx) error {
			close(entered)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-entered
	for i, fn := range fns {
		wg.Go(func() { errs[i] = db.Write(t.Context(), sqlitedb.Durable, fn) })
		synctest.Wait() // until it is queued, so that the order is that of fns
	}
	close(release)
	wg.Wait()
	return errs
}

func TestGroups(t *testing.T) {
	refusal := errors.New("refused")
	refuse := func(context.Context, *sqlitedb.Tx) error { return refusal }
	refuseLate := func(ctx context.Context, tx *sqlitedb.Tx) error {
		return errors.Join(insert("half")(ctx, tx), refusal)
	}
	cases := []struct {
		name  string
		fns   []sqlitedb.Func
		fail  []bool
		words []string
	}{
		{"all are written", []sqlitedb.Func{insert("a"), insert("b")}, []bool{false, false}, []string{"a", "b"}},
		{"a refusal before writing concerns one", []sqlitedb.Func{insert("a"), refuse, insert("b")}, []bool{false, true, false}, []string{"a", "b"}},
		{"a refusal after writing is undone", []sqlitedb.Func{insert("a"), refuseLate, insert("b")}, []bool{false, true, false}, []string{"a", "b"}},
		{
			"a statement that fails is undone, and the others are written",
			[]sqlitedb.Func{insert("a"), insert("a"), insert("b")},
			[]bool{false, true, false},
			[]string{"a", "b"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
				for i, err := range group(t, db, c.fns...) {
					if (err != nil) != c.fail[i] {
						t.Errorf("caller %d: %v, want an error: %t", i, err, c.fail[i])
					}
				}
				if diff := cmp.Diff(c.words, words(t, db)); diff != "" {
					t.Errorf("words (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestCallersShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
		before := 0
		errs := group(t, db, insert("first"), func(ctx context.Context, tx *sqlitedb.Tx) error {
			before = len(words(t, db)) // a reader sees nothing of the group that is being written
			return insert("second")(ctx, tx)
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if before != 0 || len(words(t, db)) != 2 {
			t.Errorf("%d words during the group and %d after it, want 0 and 2", before, len(words(t, db)))
		}
	})
}

func TestWriteThatIsGivenUpBeforeItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
		ctx, cancel := context.WithCancel(t.Context())
		var given error
		errs := group(t, db, func(context.Context, *sqlitedb.Tx) error { return nil })
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		entered, release := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			err := db.Write(t.Context(), sqlitedb.Relaxed, func(context.Context, *sqlitedb.Tx) error {
				close(entered)
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-entered
		wg.Go(func() { given = db.Write(ctx, sqlitedb.Durable, insert("late")) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(given, context.Canceled) {
			t.Errorf("Write = %v, want context.Canceled while the writer is busy", given)
		}
		close(release)
		wg.Wait()
		if err := db.Write(t.Context(), sqlitedb.Durable, insert("next")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"next"}, words(t, db)); diff != "" {
			t.Errorf("words (-want +got):\n%s", diff)
		}
	})
}

func TestWriteThatHasBegunIsWaitedFor(t *testing.T) {
	db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, sqlitedb.Durable, func(ctx context.Context, tx *sqlitedb.Tx) error {
		cancel()
		return insert("word")(ctx, tx)
	})
	if err != nil {
		t.Errorf("Write = %v, want its outcome", err)
	}
	if diff := cmp.Diff([]string{"word"}, words(t, db)); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestFull(t *testing.T) {
	opts := options(filepath.Join(t.TempDir(), "words.db"))
	opts.MaxBytes = 256 << 10
	db := open(t, opts)
	var err error
	written := 0
	for ; err == nil && written < 1000; written++ {
		err = db.Write(t.Context(), sqlitedb.Durable, insert(fmt.Sprintf("%d %s", written, strings.Repeat("x", 4000))))
	}
	if !errors.Is(err, sqlitedb.ErrFull) {
		t.Fatalf("Write = %v after %d, want ErrFull", err, written)
	}
	if got := len(words(t, db)); got != written-1 {
		t.Errorf("%d words, want the %d that were acknowledged", got, written-1)
	}
	err = db.Write(t.Context(), sqlitedb.Durable, func(ctx context.Context, tx *sqlitedb.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM words")
		return err
	})
	if err != nil {
		t.Errorf("deleting from a full database: %v", err)
	}
	if err := db.Write(t.Context(), sqlitedb.Durable, insert("fits")); err != nil {
		t.Errorf("writing with space again: %v", err)
	}
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "words.db")
	steps := []string{
		"CREATE TABLE old (word TEXT); INSERT INTO old VALUES ('kept')",
		"CREATE TABLE words (word TEXT PRIMARY KEY); INSERT INTO words SELECT word FROM old; DROP TABLE old",
	}
	reopen := func(migrations ...string) error {
		db, err := sqlitedb.Open(t.Context(), options(path, migrations...), slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return db.Close()
	}
	if err := reopen(steps[0]); err != nil {
		t.Fatal(err)
	}
	if err := reopen(steps[0], "CREATE TABLE half (x); CREATE TABLE old (fails)"); err == nil {
		t.Error("a migration that fails succeeded")
	}
	if err := reopen(append(steps, "CREATE TABLE half (x)")...); err != nil {
		t.Errorf("migrating after a failure, which must have left nothing: %v", err)
	}
	if err := reopen(steps...); !errors.Is(err, sqlitedb.ErrNewer) || !strings.Contains(err.Error(), "schema version 3") {
		t.Errorf("opening with an older program = %v, want ErrNewer and the version", err)
	}
	db := open(t, options(path, append(steps, "CREATE TABLE half (x)")...))
	if diff := cmp.Diff([]string{"kept"}, words(t, db)); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "words.db")
	open(t, options(path))
	opts := options(path)
	opts.ApplicationID++
	if _, err := sqlitedb.Open(t.Context(), opts, slog.New(slog.DiscardHandler)); !errors.Is(err, sqlitedb.ErrForeign) {
		t.Errorf("Open = %v, want ErrForeign", err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
	if _, err := db.Readers().ExecContext(t.Context(), "INSERT INTO words VALUES ('x')"); err == nil {
		t.Error("a reading connection wrote")
	}
}

func TestClose(t *testing.T) {
	db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := db.Write(t.Context(), sqlitedb.Durable, insert("x")); !errors.Is(err, sqlitedb.ErrClosed) {
		t.Errorf("Write after Close = %v, want ErrClosed", err)
	}
}

// A commit fsyncs if any caller of its group asked for that, whatever the commits before it did.
func TestDurability(t *testing.T) {
	const normal, full = 1, 2 // of PRAGMA synchronous
	synctest.Test(t, func(t *testing.T) {
		db := open(t, options(filepath.Join(t.TempDir(), "words.db")))
		var level int
		look := func(ctx context.Context, tx *sqlitedb.Tx) error {
			return tx.Each(ctx, func(scan func(dest ...any) error) error { return scan(&level) }, "PRAGMA synchronous")
		}
		for _, step := range []struct {
			durability sqlitedb.Durability
			want       int
		}{{sqlitedb.Durable, full}, {sqlitedb.Relaxed, normal}, {sqlitedb.Relaxed, normal}, {sqlitedb.Durable, full}} {
			if err := db.Write(t.Context(), step.durability, look); err != nil {
				t.Fatal(err)
			}
			if level != step.want {
				t.Errorf("durability %d: synchronous = %d, want %d", step.durability, level, step.want)
			}
		}
		if err := db.Write(t.Context(), sqlitedb.Relaxed, look); err != nil || level != normal {
			t.Fatalf("synchronous = %d, %v", level, err)
		}
		var wg sync.WaitGroup
		entered, release := make(chan struct{}), make(chan struct{})
		wg.Go(func() {
			err := db.Write(t.Context(), sqlitedb.Relaxed, func(context.Context, *sqlitedb.Tx) error {
				close(entered)
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-entered
		for _, durability := range []sqlitedb.Durability{sqlitedb.Relaxed, sqlitedb.Durable, sqlitedb.Relaxed} {
			wg.Go(func() {
				if err := db.Write(t.Context(), durability, look); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		close(release)
		wg.Wait()
		if level != full {
			t.Errorf("a group with one durable write: synchronous = %d, want %d", level, full)
		}
	})
}
