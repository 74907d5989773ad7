package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// What keeps a store from being imported into, or exported.
var (
	ErrNotEmpty   = errors.New("the store has rows already")
	ErrOtherFleet = errors.New("the store belongs to another fleet")
	ErrUnfinished = errors.New("an import into this store has not been finished: repeat it with the same stream")
)

// ImportOptions say what may become of a store that is not empty.
type ImportOptions struct {
	// Fleet is the id of the fleet whose store this is; empty for a store without one.
	Fleet string
	// Replace allows rows of the stream to take the place of rows with their keys, in a store of the same fleet. Rows whose keys
	// the stream lacks stay.
	Replace bool
}

// unfinished is the value of the row that an import keeps until it is complete.
type unfinished struct {
	Stream string `json:"stream"` // the trailer's SHA256
	Done   int64  `json:"done"`   // rows that have been written
}

// noteEvery is after how many rows an import notes how far it has come.
const noteEvery = 2_000

// Import writes all rows of a stream into a store. The stream is read twice: whatever is wrong with it is found before
// anything is written. An import that was interrupted goes on where it was, with the same stream; until it is complete the
// store has a row, store.UnfinishedImport, with which no server starts. To import the same again changes nothing.
func Import(ctx context.Context, into store.Portable, stream io.ReadSeeker, o ImportOptions) (Summary, error) {
	s, err := Inspect(stream)
	if err != nil {
		return s, err
	}
	if o.Fleet != "" && s.Header.Fleet != "" && o.Fleet != s.Header.Fleet {
		return s, fmt.Errorf("%w: its id is %s, that of the stream %s: name an empty store", ErrOtherFleet, o.Fleet, s.Header.Fleet)
	}
	w := &importer{ctx: ctx, into: into, note: unfinished{Stream: s.Trailer.SHA256}}
	if w.skip, err = begun(ctx, into, s.Trailer.SHA256, o.Replace); err != nil {
		return s, err
	}
	w.note.Done = w.skip
	if err := w.writeNote(); err != nil {
		return s, err
	}
	if _, err := stream.Seek(0, io.SeekStart); err != nil {
		return s, fmt.Errorf("reading the stream again: %w", err)
	}
	again, err := read(stream, w.row)
	if err != nil {
		return s, err
	}
	if again.Trailer != s.Trailer {
		return s, fmt.Errorf("%w (it changed while it was read)", ErrDamaged)
	}
	if err := w.flush(); err != nil {
		return s, err
	}
	if err := into.Transact(ctx, []store.Write{store.Delete(store.UnfinishedImport(), store.Any())}); err != nil {
		return s, fmt.Errorf("noting that the import is complete: %w", err)
	}
	return s, nil
}

// begun looks whether the store may be imported into, and how many rows of the stream an interrupted import has written.
func begun(ctx context.Context, into store.Portable, stream string, replace bool) (done int64, err error) {
	row, err := into.Get(ctx, store.UnfinishedImport())
	if err == nil {
		var note unfinished
		if err := json.Unmarshal(row.Value, &note); err != nil {
			return 0, fmt.Errorf("reading how far an import has come: %w", err)
		}
		switch {
		case note.Stream == stream:
			return note.Done, nil
		case replace:
			return 0, nil
		default:
			return 0, fmt.Errorf("%w; this is another", ErrUnfinished)
		}
	}
	if !errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("looking at the store: %w", err)
	}
	if replace {
		return 0, nil
	}
	empty, err := isEmpty(ctx, into)
	if err != nil {
		return 0, err
	}
	if !empty {
		return 0, ErrNotEmpty
	}
	return 0, nil
}

func isEmpty(ctx context.Context, s store.Portable) (bool, error) {
	found := errors.New("not empty")
	err := scan(ctx, s, func(store.Row) error { return found })
	if err != nil && !errors.Is(err, found) {
		return false, fmt.Errorf("looking at the store: %w", err)
	}
	return err == nil, nil
}

// importer writes rows in groups.
type importer struct {
	ctx   context.Context //nolint:containedctx // lives as long as one import
	into  store.Portable
	skip  int64 // rows that an interrupted import has written
	note  unfinished
	group []store.Row
	bytes int
	since int64 // rows since the last note
}

func (w *importer) row(row store.Row) error {
	if w.skip > 0 {
		w.skip--
		return nil
	}
	n := store.RowBytes(row)
	if len(w.group) == store.MaxTransaction || w.bytes+n > store.MaxTransactMB*1_000_000 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.group = append(w.group, row)
	w.bytes += n
	return nil
}

func (w *importer) flush() error {
	if len(w.group) == 0 {
		return nil
	}
	if err := w.into.Restore(w.ctx, w.group); err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	w.note.Done += int64(len(w.group))
	w.since += int64(len(w.group))
	w.group, w.bytes = w.group[:0], 0
	if w.since < noteEvery {
		return nil
	}
	w.since = 0
	return w.writeNote()
}

func (w *importer) writeNote() error {
	value, err := json.Marshal(w.note)
	if err == nil {
		err = w.into.Transact(w.ctx, []store.Write{store.Put(store.Row{Key: store.UnfinishedImport(), Value: value}, store.Any())})
	}
	if err != nil {
		return fmt.Errorf("noting how far the import has come: %w", err)
	}
	return nil
}
