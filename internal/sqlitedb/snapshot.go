package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Snapshot writes a compact copy of what is committed in the database at from to a new file at to, like Backup. The database
// may be in use by another process, and nothing in it is changed; one of another kind, or of a newer schema, is refused.
func Snapshot(ctx context.Context, from, to string, opts Options) error {
	path, err := filepath.Abs(from)
	if err != nil {
		return fmt.Errorf("resolving the path %s: %w", from, err)
	}
	if err := snapshot(ctx, path, opts); err != nil {
		return fmt.Errorf("reading the database %s: %w", path, err)
	}
	return (&DB{path: path}).Backup(ctx, to)
}

// snapshot checks what the file is.
func snapshot(ctx context.Context, path string, opts Options) error {
	if _, err := os.Stat(path); err != nil { // SQLite would make it
		return err
	}
	db, err := pool(path, commonPragmas+readerPragmas, 1)
	if err != nil {
		return err
	}
	return errors.Join(identify(ctx, db, opts), db.Close())
}

func identify(ctx context.Context, db *sql.DB, opts Options) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err //nolint:wrapcheck // Snapshot says which file
	}
	version, err := schemaVersion(ctx, conn, opts.ApplicationID)
	if err == nil && version > len(opts.Migrations) {
		err = fmt.Errorf("schema version %d, this program knows %d: %w", version, len(opts.Migrations), ErrNewer)
	}
	return errors.Join(err, conn.Close())
}
