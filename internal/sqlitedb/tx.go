package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrFull wraps a write that found the disk full, or the file at its MaxBytes.
var ErrFull = errors.New("database is full: free disk space, or raise its limit")

// Tx is the transaction of a group. Each statement is prepared once and kept, so queries must be constants.
type Tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	wrote      bool  // by the present caller
	broken     error // the first failure of a statement
}

// Exec runs a statement that writes, and returns how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	statement, err := tx.prepared(ctx, query)
	if err != nil {
		return 0, err
	}
	tx.wrote = true
	result, err := statement.ExecContext(ctx, args...)
	if err != nil {
		return 0, tx.fail(query, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, tx.fail(query, err)
	}
	return n, nil
}

// Each runs a query and calls row for each of its rows; scan copies the columns.
func (tx *Tx) Each(ctx context.Context, row func(scan func(dest ...any) error) error, query string, args ...any) error {
	statement, err := tx.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return tx.fail(query, err)
	}
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return errors.Join(tx.fail(query, err), rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return tx.fail(query, err)
	}
	return nil
}

func (tx *Tx) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement, ok := tx.statements[query]; ok {
		return statement, nil
	}
	statement, err := tx.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, tx.fail(query, err)
	}
	tx.statements[query] = statement
	return statement, nil
}

// control runs a statement about transactions themselves.
func (tx *Tx) control(ctx context.Context, query string) error {
	statement, err := tx.prepared(ctx, query)
	if err != nil {
		return err
	}
	if _, err := statement.ExecContext(ctx); err != nil {
		return classify(err)
	}
	return nil
}

func (tx *Tx) fail(query string, err error) error {
	err = fmt.Errorf("running %q: %w", query, classify(err))
	if tx.broken == nil {
		tx.broken = err
	}
	return err
}

func (tx *Tx) close() error {
	var errs []error
	for _, statement := range tx.statements {
		errs = append(errs, statement.Close())
	}
	return errors.Join(errs...)
}

// primaryCode takes the detail out of one of SQLite's extended result codes.
const primaryCode = 0xff

func classify(err error) error {
	var failure *sqlite.Error
	if errors.As(err, &failure) && failure.Code()&primaryCode == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}
