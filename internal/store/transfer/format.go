// Package transfer moves all rows of a store into a stream, and from a stream into a store of any backend.
//
// A stream is lines of JSON, each of them ended by a newline: a header, a line for every row, and a trailer. The header says
// what the stream is and whose; the trailer counts the rows and has the SHA-256 of every byte before it, so that a stream
// that was cut or changed is noticed before anything of it is used. Version counts changes that a reader of the version
// before would misunderstand; docs/operations.md describes version 1 for people.
package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// What a stream begins with.
const (
	Format  = "runs-fleet store"
	Version = 1
)

// maxLine is longer than the longest line: a row of 400 KB whose every byte takes six characters (a control character in
// JSON), and its keys.
const maxLine = 8 * store.MaxRowBytes

// Header is the first line.
type Header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// ID tells streams apart; it is random.
	ID string `json:"id"`
	// Fleet is the fleet's own id, empty if the store had none yet.
	Fleet string `json:"fleet"`
	// Product is the version of runs-fleet that wrote the stream.
	Product string    `json:"product"`
	Created time.Time `json:"created"`
}

// Trailer is the last line.
type Trailer struct {
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of every byte before this line, in hexadecimal
}

// line is a row. A value that is text, as all of ours are, stays readable; any other is in base64.
type line struct {
	Key     [2]string  `json:"key"` // partition and sort key
	Version uint64     `json:"version"`
	Expires int64      `json:"expires,omitempty"` // seconds since 1970
	Index1  *[2]string `json:"index1,omitempty"`
	Index2  *[2]string `json:"index2,omitempty"`
	Value   string     `json:"value,omitempty"`
	Bytes   []byte     `json:"bytes,omitempty"`
}

// What is wrong with a stream. The errors that wrap them say what to do.
var (
	ErrForeign   = errors.New("this is no stream of runs-fleet store export")
	ErrNewer     = errors.New("the stream was written by a newer version of runs-fleet")
	ErrTruncated = errors.New("the stream ends before its end: copy it again, or export again")
	ErrDamaged   = errors.New("the stream is damaged: copy it again, or export again")
)

func lineOf(row store.Row) line {
	l := line{Key: [2]string{row.Key.Partition, row.Key.Sort}, Version: row.Version}
	if !row.Expires.IsZero() {
		l.Expires = row.Expires.Unix()
	}
	l.Index1, l.Index2 = indexed(row.Index1), indexed(row.Index2)
	if utf8.Valid(row.Value) {
		l.Value = string(row.Value)
	} else {
		l.Bytes = row.Value
	}
	return l
}

func indexed(key store.Key) *[2]string {
	if key == (store.Key{}) {
		return nil
	}
	return &[2]string{key.Partition, key.Sort}
}

func keyOf(pair *[2]string) store.Key {
	if pair == nil {
		return store.Key{}
	}
	return store.Key{Partition: pair[0], Sort: pair[1]}
}

func (l line) row() store.Row {
	row := store.Row{Key: keyOf(&l.Key), Version: l.Version, Index1: keyOf(l.Index1), Index2: keyOf(l.Index2), Value: l.Bytes}
	if l.Bytes == nil {
		row.Value = []byte(l.Value)
	}
	if l.Expires != 0 {
		row.Expires = time.Unix(l.Expires, 0).UTC()
	}
	return row
}

// parseHeader reads the first line.
func parseHeader(text []byte) (Header, error) {
	var h Header
	if err := json.Unmarshal(text, &h); err != nil || h.Format != Format {
		return Header{}, ErrForeign
	}
	switch {
	case h.Version > Version:
		return Header{}, fmt.Errorf("%w (%s): it has version %d, this program knows %d: import it with that version", ErrNewer, h.Product, h.Version, Version)
	case h.Version < 1 || h.ID == "":
		return Header{}, fmt.Errorf("%w: its header is incomplete", ErrDamaged)
	}
	return h, nil
}
