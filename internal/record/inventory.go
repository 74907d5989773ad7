package record

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Inventories keep what a provider knows of each site, so that a server can start while the provider's API does not answer. They
// are compressed: what a region of EC2 offers is about 150 KB, and 10 KB so.
type Inventories struct{ Records *Records }

// inventory is the row.
type inventory struct {
	Gzip []byte `json:"gzip"`
}

// maxInventory bounds what a row may be unpacked to.
const maxInventory = 16 << 20

func inventoryKey(s fleet.Site) store.Key {
	return store.Key{Partition: "inventory/" + s.String(), Sort: "inventory"}
}

// Load returns what was saved of a site, or nothing.
func (i Inventories) Load(ctx context.Context, s fleet.Site) ([]byte, error) {
	row, err := get[inventory](ctx, i.Records, inventoryKey(s))
	if err != nil || !row.Exists() {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(row.V.Gzip))
	if err != nil {
		return nil, fmt.Errorf("unpacking the inventory of %s: %w", s, err)
	}
	content, err := io.ReadAll(io.LimitReader(r, maxInventory))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("unpacking the inventory of %s: %w", s, err)
	}
	return content, nil
}

// Save replaces what is kept of a site. Whichever server saves last is right.
func (i Inventories) Save(ctx context.Context, s fleet.Site, content []byte) error {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(content)
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("packing the inventory of %s: %w", s, err)
	}
	return i.Records.Commit(ctx, []store.Write{
		store.Put(store.Row{Key: inventoryKey(s), Value: encode(inventory{Gzip: packed.Bytes()})}, store.Any()),
	})
}
