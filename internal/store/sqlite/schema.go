package sqlite

import (
	"bytes"
	"database/sql"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// applicationID is "RFst" in ASCII.
const applicationID = 0x52467374

// migrations lists the scripts of all schema versions; those that were released never change.
//
// Keys are blobs, because they are compared as bytes. An index key is NULL for a row that is not in the index. Expires is
// in seconds since 1970, 0 for never.
func migrations() []string {
	return []string{
		`CREATE TABLE rows (
			partition BLOB NOT NULL,
			sort BLOB NOT NULL,
			version INTEGER NOT NULL,
			expires INTEGER NOT NULL,
			index1 BLOB, index1_sort BLOB,
			index2 BLOB, index2_sort BLOB,
			value BLOB NOT NULL,
			PRIMARY KEY (partition, sort)
		);
		CREATE INDEX rows_index1 ON rows (index1, index1_sort, partition, sort) WHERE index1 IS NOT NULL;
		CREATE INDEX rows_index2 ON rows (index2, index2_sort, partition, sort) WHERE index2 IS NOT NULL;
		CREATE INDEX rows_expires ON rows (expires) WHERE expires > 0`,
	}
}

const (
	columns   = "partition, sort, version, expires, index1, index1_sort, index2, index2_sort, value"
	unexpired = "(expires = 0 OR expires > ?)"

	insertRow = "INSERT INTO rows (" + columns + ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)" +
		" ON CONFLICT (partition, sort) DO UPDATE SET expires = excluded.expires," +
		" index1 = excluded.index1, index1_sort = excluded.index1_sort," +
		" index2 = excluded.index2, index2_sort = excluded.index2_sort, value = excluded.value"
	// upsert writes a row whose version was read.
	upsert = insertRow + ", version = excluded.version"
	// upsertAny writes one whose version nobody has asked for; an expired row counts as none.
	upsertAny = insertRow + ", version = CASE WHEN rows.expires > 0 AND rows.expires <= ?10 THEN 1 ELSE rows.version + 1 END"
)

// values returns the arguments of upsert.
func values(row store.Row, version uint64) []any {
	index1, index1Sort := nullable(row.Index1)
	index2, index2Sort := nullable(row.Index2)
	value := row.Value
	if value == nil {
		value = []byte{} // nil would be NULL
	}
	return []any{
		[]byte(row.Key.Partition), []byte(row.Key.Sort), int64(version), expires(row),
		index1, index1Sort, index2, index2Sort, value,
	}
}

func nullable(key store.Key) (partition, sort any) {
	if key == (store.Key{}) {
		return nil, nil
	}
	return []byte(key.Partition), []byte(key.Sort)
}

func expires(row store.Row) int64 {
	if row.Expires.IsZero() {
		return 0
	}
	return row.Expires.Unix()
}

// scan reads a row from the columns, whose bytes are the driver's until the next row. Most rows of a page have the
// partition that was asked for, which is then not copied.
func scan(into func(dest ...any) error, asked string) (store.Row, error) {
	var row store.Row
	var partition, sort, index1, index1Sort, index2, index2Sort, value sql.RawBytes
	var version, expires int64
	err := into(&partition, &sort, &version, &expires, &index1, &index1Sort, &index2, &index2Sort, &value)
	if err != nil {
		return store.Row{}, err
	}
	if row.Key.Partition = asked; string(partition) != asked {
		row.Key.Partition = string(partition)
	}
	row.Key.Sort = string(sort)
	row.Index1 = store.Key{Partition: string(index1), Sort: string(index1Sort)}
	row.Index2 = store.Key{Partition: string(index2), Sort: string(index2Sort)}
	row.Version = uint64(version)
	row.Value = bytes.Clone(value)
	if expires != 0 {
		row.Expires = time.Unix(expires, 0).UTC()
	}
	return row, nil
}
