package store

import (
	"context"
	"fmt"
)

// Portable is implemented by the backends whose rows can be moved to another backend, as `runs-fleet store export` and
// `import` do. No decision and no page reads through it: it goes through everything.
type Portable interface {
	Store
	// Scan reads one page of all rows that have not expired, in an order of the backend's own, consistently. Part and Parts
	// divide the rows among several readers; a backend may leave all parts but part 0 empty.
	Scan(ctx context.Context, q ScanQuery) (Page, error)
	// Restore writes at most MaxTransaction rows exactly as they are given, versions included, over whatever has their keys.
	// A failure may have written some of them; writing them again is right.
	Restore(ctx context.Context, rows []Row) error
}

// ScanQuery is a page of a scan.
type ScanQuery struct {
	Part, Parts int    // Part counts from 0; Parts of 0 is 1
	Limit       int    // rows of the page; 0 is the backend's page
	Cursor      string // Next of the page before, of the same part
}

// CheckScan refuses, with ErrInvalid, a scan that no backend takes.
func CheckScan(q ScanQuery) error {
	if q.Limit < 0 {
		return fmt.Errorf("%w: scan with the limit %d", ErrInvalid, q.Limit)
	}
	if q.Parts < 0 || q.Part < 0 || q.Part >= max(q.Parts, 1) {
		return fmt.Errorf("%w: scan of part %d of %d", ErrInvalid, q.Part, q.Parts)
	}
	return nil
}

// CheckRestore refuses, with ErrInvalid, rows that no backend takes.
func CheckRestore(rows []Row) error {
	writes := make([]Write, 0, len(rows))
	for _, row := range rows {
		if row.Version == 0 {
			return fmt.Errorf("%w: row %s to restore without a version", ErrInvalid, row.Key)
		}
		writes = append(writes, Put(row, Any()))
	}
	return CheckWrites(writes)
}

// UnfinishedImport is the key of a row that an import keeps until it is complete: nothing may work on a store that has it.
func UnfinishedImport() Key { return Key{Partition: "fleet", Sort: "unfinished-import"} }
