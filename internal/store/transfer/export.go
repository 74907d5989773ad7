package transfer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// parts is how many readers go through a store at a time, where its backend can divide its rows.
const parts = 4

// Summary says what a stream holds.
type Summary struct {
	Header  Header
	Trailer Trailer
}

// Export writes all rows of a store that have not expired, and reports how many. Of a store that is written to meanwhile the
// stream has some of the changes and lacks others.
func Export(ctx context.Context, from store.Portable, to io.Writer, h Header) (Summary, error) {
	switch _, err := from.Get(ctx, store.UnfinishedImport()); {
	case err == nil:
		return Summary{}, ErrUnfinished
	case !errors.Is(err, store.ErrNotFound):
		return Summary{}, fmt.Errorf("exporting: %w", err)
	}
	h.Format, h.Version = Format, Version
	w := newWriter(to)
	if err := w.line(h); err != nil {
		return Summary{}, err
	}
	if err := scan(ctx, from, func(row store.Row) error {
		w.rows++
		return w.line(lineOf(row))
	}); err != nil {
		return Summary{}, fmt.Errorf("exporting: %w", err)
	}
	t, err := w.end()
	return Summary{Header: h, Trailer: t}, err
}

// scan gives each row to a function, which is called by one goroutine at a time.
func scan(ctx context.Context, from store.Portable, each func(store.Row) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var one sync.Mutex
	for part := range parts {
		wg.Go(func() {
			if err := scanPart(ctx, from, part, &one, each); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func scanPart(ctx context.Context, from store.Portable, part int, one *sync.Mutex, each func(store.Row) error) error {
	q := store.ScanQuery{Part: part, Parts: parts}
	for {
		page, err := from.Scan(ctx, q)
		if err != nil {
			return fmt.Errorf("reading all rows: %w", err)
		}
		if err := eachOf(page.Rows, one, each); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

func eachOf(rows []store.Row, one *sync.Mutex, each func(store.Row) error) error {
	one.Lock()
	defer one.Unlock()
	for _, row := range rows {
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

// writer writes lines and sums them up.
type writer struct {
	out  *bufio.Writer
	sum  hash.Hash
	rows int64
	text bytes.Buffer
}

func newWriter(to io.Writer) *writer { return &writer{out: bufio.NewWriter(to), sum: sha256.New()} }

func (w *writer) line(v any) error {
	w.text.Reset()
	encoder := json.NewEncoder(&w.text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("writing the stream: %w", err)
	}
	_, _ = w.sum.Write(w.text.Bytes()) // a hash never fails
	if _, err := w.out.Write(w.text.Bytes()); err != nil {
		return fmt.Errorf("writing the stream: %w", err)
	}
	return nil
}

func (w *writer) end() (Trailer, error) {
	t := Trailer{Rows: w.rows, SHA256: hex.EncodeToString(w.sum.Sum(nil))}
	if err := w.line(t); err != nil {
		return t, err
	}
	if err := w.out.Flush(); err != nil {
		return t, fmt.Errorf("writing the stream: %w", err)
	}
	return t, nil
}
