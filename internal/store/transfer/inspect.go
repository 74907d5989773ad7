package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Inspect reads a stream to its end and finds what is wrong with it: ErrForeign, ErrNewer, ErrTruncated or ErrDamaged.
func Inspect(stream io.Reader) (Summary, error) {
	return read(stream, func(store.Row) error { return nil })
}

// reader reads lines and sums them up.
type reader struct {
	in  *bufio.Reader
	sum hash.Hash
}

// read gives each row of a stream to a function, in the order of the stream, and returns the summary of one that is whole.
func read(stream io.Reader, each func(store.Row) error) (Summary, error) {
	r := &reader{in: bufio.NewReader(stream), sum: sha256.New()}
	var s Summary
	first, err := r.next()
	if errors.Is(err, ErrTruncated) || errors.Is(err, ErrDamaged) {
		return s, ErrForeign // not even one line
	}
	if err != nil {
		return s, err
	}
	if s.Header, err = parseHeader(first); err != nil {
		return s, err
	}
	var rows int64
	for number := 2; ; number++ {
		before := hex.EncodeToString(r.sum.Sum(nil))
		text, err := r.next()
		if err != nil {
			return s, fmt.Errorf("line %d: %w", number, err)
		}
		if bytes.HasPrefix(text, []byte(`{"rows":`)) {
			s.Trailer, err = r.trailer(text, before, rows)
			return s, err
		}
		row, err := parseRow(text)
		if err != nil {
			return s, fmt.Errorf("line %d: %w", number, err)
		}
		rows++
		if err := each(row); err != nil {
			return s, err
		}
	}
}

// next reads one line, without its newline.
func (r *reader) next() ([]byte, error) {
	var text []byte
	for {
		piece, err := r.in.ReadSlice('\n')
		text = append(text, piece...)
		switch {
		case err == nil:
			_, _ = r.sum.Write(text) // a hash never fails
			return text[:len(text)-1], nil
		case errors.Is(err, io.EOF):
			return nil, ErrTruncated
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("reading the stream: %w", err)
		case len(text) > maxLine:
			return nil, ErrDamaged
		}
	}
}

func parseRow(text []byte) (store.Row, error) {
	var l line
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil || decoder.More() {
		return store.Row{}, fmt.Errorf("%w (no row)", ErrDamaged)
	}
	row := l.row()
	if err := store.CheckRestore([]store.Row{row}); err != nil {
		return store.Row{}, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return row, nil
}

func (r *reader) trailer(text []byte, sum string, rows int64) (Trailer, error) {
	var t Trailer
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("%w (no trailer)", ErrDamaged)
	}
	if t.Rows != rows || t.SHA256 != sum {
		return t, fmt.Errorf("%w (%d rows of %d, digest %s of %s)", ErrDamaged, rows, t.Rows, sum, t.SHA256)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return t, fmt.Errorf("%w (something follows its end)", ErrDamaged)
	}
	return t, nil
}
