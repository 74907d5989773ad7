package store

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Bounds is the range of sort keys that a query selects: From inclusive, To exclusive, compared as bytes. An empty To is
// no bound; Empty says that nothing can be in the range.
type Bounds struct {
	From, To string
	Empty    bool
}

// Bounds combines Prefix, From and To, since a backend takes one range.
func (q Query) Bounds() Bounds {
	b := Bounds{From: max(q.From, q.Prefix), To: q.To}
	if end := prefixEnd(q.Prefix); end != "" && (b.To == "" || end < b.To) {
		b.To = end
	}
	b.Empty = b.To != "" && b.To <= b.From
	return b
}

// prefixEnd returns the smallest valid string above every valid string with this prefix; empty if there is none.
func prefixEnd(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == utf8.MaxRune || last == utf8.RuneError && size == 1: // nothing valid is above it
		case last == surrogates-1: // what follows is no character
			return prefix + string(afterSurrogates)
		default:
			return prefix + string(last+1)
		}
	}
	return ""
}

// Surrogates are numbers between characters, of which UTF-8 has none.
const (
	surrogates      = 0xd800
	afterSurrogates = '\ue000'
)

// Bare leaves of an index's rows what it gives to a query that asks for keys.
func Bare(page Page, name IndexName) Page {
	for i, row := range page.Rows {
		bare := Row{Key: row.Key}
		if name == Index1 {
			bare.Index1 = row.Index1
		} else {
			bare.Index2 = row.Index2
		}
		page.Rows[i] = bare
	}
	return page
}

// CheckQuery refuses, with ErrInvalid, a query that no backend takes. Cursors are checked by who reads them.
func CheckQuery(q Query) error {
	if q.Partition == "" {
		return fmt.Errorf("%w: query without a partition", ErrInvalid)
	}
	if len(q.Partition) > MaxKeyBytes {
		return fmt.Errorf("%w: query of a partition key of %d bytes, over the limit of %d", ErrInvalid, len(q.Partition), MaxKeyBytes)
	}
	if q.Limit < 0 {
		return fmt.Errorf("%w: query with the limit %d", ErrInvalid, q.Limit)
	}
	if !utf8.ValidString(q.Partition) {
		return fmt.Errorf("%w: query of partition %q, which is not valid UTF-8", ErrInvalid, q.Partition)
	}
	for _, bound := range []string{q.Prefix, q.From, q.To} {
		if len(bound) > MaxSortBytes {
			return fmt.Errorf("%w: query with a bound of %d bytes, over a sort key's limit of %d", ErrInvalid, len(bound), MaxSortBytes)
		}
		if !utf8.ValidString(bound) {
			return fmt.Errorf("%w: query with the bound %q, which is not valid UTF-8", ErrInvalid, bound)
		}
	}
	return nil
}

// Position is a place in the order of a query: that of the last row which a page read. Index is the row's sort key in
// the index, and empty in the query of a partition.
type Position struct {
	Index string
	Key   Key
}

// Compare orders positions as a page does that is not descending: by the index's sort key, then by the row's key.
func (p Position) Compare(o Position) int {
	for _, pair := range [...][2]string{{p.Index, o.Index}, {p.Key.Partition, o.Key.Partition}, {p.Key.Sort, o.Key.Sort}} {
		switch {
		case pair[0] < pair[1]:
			return -1
		case pair[0] > pair[1]:
			return 1
		}
	}
	return 0
}

// Cursor encodes a position as a query's Cursor.
func (p Position) Cursor() string {
	var b []byte
	for _, s := range []string{p.Index, p.Key.Partition, p.Key.Sort} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor decodes a Cursor that is not empty; one that no backend has made is ErrInvalid.
func ParseCursor(cursor string) (Position, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return Position{}, fmt.Errorf("%w: malformed cursor", ErrInvalid)
	}
	var parts [3]string
	for i := range parts {
		n, width := binary.Uvarint(b)
		if width <= 0 || n > uint64(len(b)-width) {
			return Position{}, fmt.Errorf("%w: malformed cursor", ErrInvalid)
		}
		b = b[width:]
		parts[i], b = string(b[:n]), b[n:]
	}
	if len(b) != 0 || parts[1] == "" || parts[2] == "" {
		return Position{}, fmt.Errorf("%w: malformed cursor", ErrInvalid)
	}
	return Position{Index: parts[0], Key: Key{Partition: parts[1], Sort: parts[2]}}, nil
}

// After returns the position that the query's Cursor stands for, nil without one. A cursor of another partition, or of
// an index's query where a partition is read (and the other way round), is ErrInvalid.
func (q Query) After(indexed bool) (*Position, error) {
	if q.Cursor == "" {
		return nil, nil //nolint:nilnil // no cursor is no position, and that is no error
	}
	p, err := ParseCursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	if indexed != (p.Index != "") || !indexed && p.Key.Partition != q.Partition {
		return nil, fmt.Errorf("%w: cursor of another query", ErrInvalid)
	}
	return &p, nil
}
