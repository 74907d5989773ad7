package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
)

// ErrNewer wraps the refusal of a file whose schema is newer than the program.
var ErrNewer = errors.New("database was written by a newer version of runs-fleet; run that version, or restore a backup made before the upgrade")

// ErrForeign wraps the refusal of a file that holds something else.
var ErrForeign = errors.New("file is not a database of this kind; give another path")

// migrate brings the schema to the newest version, each step in a transaction of its own, so that an interrupted upgrade
// goes on where it stopped.
func migrate(ctx context.Context, conn *sql.Conn, opts Options, logger *slog.Logger) error {
	version, err := schemaVersion(ctx, conn, opts.ApplicationID)
	if err != nil {
		return err
	}
	newest := len(opts.Migrations)
	if version > newest {
		return fmt.Errorf("schema version %d, this program knows %d: %w", version, newest, ErrNewer)
	}
	for ; version < newest; version++ {
		script := fmt.Sprintf("BEGIN IMMEDIATE;\n%s;\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;\nCOMMIT",
			opts.Migrations[version], opts.ApplicationID, version+1)
		if _, err := conn.ExecContext(ctx, script); err != nil {
			// After a failure inside the script its transaction is still open.
			_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			return errors.Join(fmt.Errorf("migrating the schema to version %d: %w", version+1, err), rollback)
		}
		logger.InfoContext(ctx, "database schema migrated", "path", opts.Path, "version", version+1)
	}
	return nil
}

// schemaVersion returns 0 for an empty file.
func schemaVersion(ctx context.Context, conn *sql.Conn, applicationID int32) (int, error) {
	var version, id, objects int
	for _, q := range []struct {
		query string
		into  *int
	}{
		{"PRAGMA user_version", &version},
		{"PRAGMA application_id", &id},
		{"SELECT count(*) FROM sqlite_schema", &objects},
	} {
		if err := conn.QueryRowContext(ctx, q.query).Scan(q.into); err != nil {
			return 0, fmt.Errorf("reading the schema version: %w", err)
		}
	}
	if empty := version == 0 && objects == 0; !empty && id != int(applicationID) {
		return 0, fmt.Errorf("application id %#x, expected %#x: %w", id, applicationID, ErrForeign)
	}
	return version, nil
}
