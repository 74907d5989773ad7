package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a compact copy of what is committed to a new file at path, while reads and writes go on. The file appears
// under its name only when it is complete and on the disk; a file of that name is refused.
func (db *DB) Backup(ctx context.Context, path string) error {
	if err := db.backup(ctx, path); err != nil {
		return fmt.Errorf("backing up %s to %s: %w", db.path, path, err)
	}
	return nil
}

func (db *DB) backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, os.ErrExist)
	}
	partial := path + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreAbsent(os.Remove(partial)))
		}
	}()
	// The copy must be as private as the original; VACUUM INTO takes an existing empty file.
	file, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// The readers' connections refuse every write, also that to another file, so the backup has its own.
	source, err := pool(db.path, commonPragmas, 1)
	if err != nil {
		return err
	}
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return errors.Join(classify(err), source.Close())
	}
	if err := errors.Join(source.Close(), file.Sync()); err != nil {
		return err
	}
	if err := os.Link(partial, path); err != nil { // unlike a rename, a link never replaces
		return err
	}
	return errors.Join(os.Remove(partial), syncDir(filepath.Dir(path)))
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
