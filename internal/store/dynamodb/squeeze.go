package dynamodb

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// squeezeFrom is the size below which a value fits in the first kilobyte of its item whatever is done to it.
const squeezeFrom = 600

// squeezer compresses values. Its writers are kept, since making one takes longer than using it. The zero value is ready.
type squeezer struct {
	writers sync.Pool
}

// squeeze compresses a value if it gets smaller. Rows are JSON with a history in words, and DynamoDB charges for every
// kilobyte that is begun, in a transaction twice.
func (s *squeezer) squeeze(value []byte) (squeezed []byte, ok bool) {
	if len(value) < squeezeFrom {
		return nil, false
	}
	var out bytes.Buffer
	w, made := s.writers.Get().(*flate.Writer)
	if made {
		w.Reset(&out)
	} else {
		var err error
		if w, err = flate.NewWriter(&out, flate.DefaultCompression); err != nil { // of a level that there is not
			return nil, false
		}
	}
	defer s.writers.Put(w)
	if _, err := w.Write(value); err != nil {
		return nil, false
	}
	if err := w.Close(); err != nil || out.Len() >= len(value) {
		return nil, false
	}
	return out.Bytes(), true
}

// expand reverses squeeze.
func expand(squeezed []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(squeezed))
	value, err := io.ReadAll(io.LimitReader(r, store.MaxRowBytes+1))
	if err != nil {
		return nil, fmt.Errorf("expanding it: %w", err)
	}
	if len(value) > store.MaxRowBytes {
		return nil, fmt.Errorf("expanding it: it is over the limit of %d bytes", store.MaxRowBytes)
	}
	return value, nil
}
