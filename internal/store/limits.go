package store

import (
	"fmt"
	"unicode/utf8"
)

// RowBytes is what a row counts against MaxRowBytes and MaxTransactMB: its keys, its index keys and its value.
func RowBytes(row Row) int {
	return len(row.Key.Partition) + len(row.Key.Sort) + len(row.Value) +
		len(row.Index1.Partition) + len(row.Index1.Sort) + len(row.Index2.Partition) + len(row.Index2.Sort)
}

// CheckKey refuses, with ErrInvalid, a key that no backend takes: an empty part, one over its limit, or one that is not
// UTF-8 (a string attribute of DynamoDB is).
func CheckKey(key Key) error {
	switch {
	case key.Partition == "":
		return fmt.Errorf("%w: key with an empty partition (sort key %q)", ErrInvalid, key.Sort)
	case key.Sort == "":
		return fmt.Errorf("%w: key with an empty sort key (partition %q)", ErrInvalid, key.Partition)
	case len(key.Partition) > MaxKeyBytes:
		return fmt.Errorf("%w: partition key of %d bytes, over the limit of %d", ErrInvalid, len(key.Partition), MaxKeyBytes)
	case len(key.Sort) > MaxSortBytes:
		return fmt.Errorf("%w: sort key of %d bytes, over the limit of %d", ErrInvalid, len(key.Sort), MaxSortBytes)
	case !utf8.ValidString(key.Partition) || !utf8.ValidString(key.Sort):
		return fmt.Errorf("%w: key %q is not valid UTF-8", ErrInvalid, key.String())
	}
	return nil
}

// CheckWrites refuses, with ErrInvalid, a transaction that no backend takes, whatever rows there are.
func CheckWrites(writes []Write) error {
	if len(writes) == 0 {
		return fmt.Errorf("%w: transaction without a write", ErrInvalid)
	}
	if len(writes) > MaxTransaction {
		return fmt.Errorf("%w: transaction of %d writes, over the limit of %d", ErrInvalid, len(writes), MaxTransaction)
	}
	total := 0
	seen := make(map[Key]int, len(writes))
	for i, w := range writes {
		if err := checkWrite(w); err != nil {
			return fmt.Errorf("write %d: %w", i, err)
		}
		if first, twice := seen[w.Row.Key]; twice {
			return fmt.Errorf("%w: writes %d and %d have the same key %s", ErrInvalid, first, i, w.Row.Key)
		}
		seen[w.Row.Key] = i
		total += RowBytes(w.Row)
	}
	if total > MaxTransactMB*1_000_000 {
		return fmt.Errorf("%w: transaction of %d bytes, over the limit of %d MB", ErrInvalid, total, MaxTransactMB)
	}
	return nil
}

func checkWrite(w Write) error {
	if err := CheckKey(w.Row.Key); err != nil {
		return err
	}
	switch w.Op {
	case OpPut:
		return checkRow(w.Row)
	case OpDelete:
		return nil
	case OpCheck:
		if anything, _, _, _ := w.If.Parts(); anything {
			return fmt.Errorf("%w: check of %s without a condition", ErrInvalid, w.Row.Key)
		}
		return nil
	default:
		return fmt.Errorf("%w: unknown kind of write %d", ErrInvalid, w.Op)
	}
}

func checkRow(row Row) error {
	for _, index := range []Key{row.Index1, row.Index2} {
		if index == (Key{}) {
			continue
		}
		if err := CheckKey(index); err != nil {
			return fmt.Errorf("index key of %s: %w", row.Key, err)
		}
		if n := len(IndexSort(index.Sort, row.Key)); n > MaxSortBytes {
			return fmt.Errorf("%w: index key of %s of %d bytes with the row's own key, by which the index is ordered too: over the limit of %d",
				ErrInvalid, row.Key, n, MaxSortBytes)
		}
	}
	if n := RowBytes(row); n > MaxRowBytes {
		return fmt.Errorf("%w: row %s of %d bytes, over the limit of %d", ErrInvalid, row.Key, n, MaxRowBytes)
	}
	if !row.Expires.IsZero() && row.Expires.Unix() <= 0 {
		return fmt.Errorf("%w: row %s expires before 1970", ErrInvalid, row.Key)
	}
	return nil
}

// Expired says whether a row with this Expires has ceased to exist at this second; expires and now are Unix times, and an
// expires of 0 is never.
func Expired(expires, now int64) bool { return expires != 0 && expires <= now }
