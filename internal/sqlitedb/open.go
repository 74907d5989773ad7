package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
)

// Options describe a database file.
type Options struct {
	Path string
	// ApplicationID marks the file as ours and says which of ours it is (PRAGMA application_id).
	ApplicationID int32
	// Migrations are scripts: the one at i leads from schema version i to i+1. Scripts that were released never change.
	Migrations []string
	// Readers is the number of reading connections; 0 is 4.
	Readers int
	// MaxBytes is the size over which the database file does not grow; 0 is no limit but the disk's.
	MaxBytes int64
}

const (
	defaultReaders = 4
	pageBytes      = 4096

	// writerPragmas: WAL lets readers go on during a write. A checkpoint at 4,000 pages (16 MB) is rare enough to cost
	// little, and the limit returns the disk space of a log that one long reader made grow. The writer has the only lock
	// that matters, so that waiting for another (a backup tool's) is exceptional: 10 s, in milliseconds.
	writerPragmas = "&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)" +
		"&_pragma=journal_size_limit(67108864)&_pragma=cache_size(-16000)"
	commonPragmas = "_pragma=busy_timeout(10000)&_pragma=temp_store(MEMORY)&_pragma=trusted_schema(0)"
	readerPragmas = "&_pragma=query_only(1)&_pragma=cache_size(-4000)"
)

// DB is an open database. Write changes it, Readers reads it.
type DB struct {
	path    string
	readers *sql.DB
	writes  *sql.DB // has one connection, the writer's
	writer  *writer
	syncer  syncer

	closing sync.Once
	closed  error
}

// Open opens the file or makes it (readable by its owner only), and brings its schema up to date. The folder must exist
// and nothing else may have the file open for writing.
func Open(ctx context.Context, opts Options, logger *slog.Logger) (*DB, error) {
	path, err := filepath.Abs(opts.Path)
	if err != nil {
		return nil, fmt.Errorf("resolving the path %s: %w", opts.Path, err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("creating the database %s: %w", path, err)
	}
	// fdatasync leaves out the file's timestamps, which nothing here reads, and so saves a journal write per commit.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("choosing fdatasync: %w", err)
	}
	db := &DB{path: path}
	if err := db.connect(ctx, opts, logger); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %s: %w", path, err), db.close())
	}
	return db, nil
}

func (db *DB) connect(ctx context.Context, opts Options, logger *slog.Logger) error {
	limit := ""
	if opts.MaxBytes > 0 {
		limit = fmt.Sprintf("&_pragma=max_page_count(%d)", max(opts.MaxBytes/pageBytes, 1))
	}
	var err error
	if db.writes, err = pool(db.path, commonPragmas+writerPragmas+limit, 1); err != nil {
		return err
	}
	conn, err := db.writes.Conn(ctx)
	if err != nil {
		return err //nolint:wrapcheck // Open says which file
	}
	if err := migrate(ctx, conn, opts, logger); err != nil {
		return errors.Join(err, conn.Close())
	}
	readers := opts.Readers
	if readers == 0 {
		readers = defaultReaders
	}
	if db.readers, err = pool(db.path, commonPragmas+readerPragmas, readers); err != nil {
		return errors.Join(err, conn.Close())
	}
	db.writer = startWriter(context.WithoutCancel(ctx), conn)
	return nil
}

func pool(path, query string, connections int) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query}
	connector, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err //nolint:wrapcheck // Open says which file
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// create makes an empty file with tight permissions, which SQLite gives to the log beside it too, and makes its name
// durable. An existing file is left as it is.
func create(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Readers returns the pool of reading connections. Each statement sees everything whose Write has returned.
func (db *DB) Readers() *sql.DB { return db.readers }

// Close makes the writes that wait, refuses those that come later, and closes the file. Closing again is no error of its
// own.
func (db *DB) Close() error {
	db.closing.Do(func() {
		if err := db.close(); err != nil {
			db.closed = fmt.Errorf("closing the database %s: %w", db.path, err)
		}
	})
	return db.closed
}

func (db *DB) close() error {
	errs := []error{db.syncer.close()}
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	if db.writes != nil {
		errs = append(errs, db.writes.Close())
	}
	return errors.Join(errs...)
}
