package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

const (
	// indexPage bounds the entries of a page: their rows, of one to three kilobytes, come to about a page's bytes.
	indexPage = 400
	// maxBatchGet is the API's limit.
	maxBatchGet = 100
)

// Index implements store.Store. The indexes hold keys only, so that a write which moves no entry costs nothing there; the
// rows are read from the table, eventually consistently. One that has left its entry meanwhile is left out: the entry of its
// new place is on its way.
func (s *Store) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	x, err := indexNamed(name)
	if err != nil {
		return store.Page{}, err
	}
	page, err := s.indexed(ctx, q, x)
	if err != nil {
		return store.Page{}, fmt.Errorf("reading index %d, partition %s: %w", name, q.Partition, err)
	}
	return page, nil
}

func (s *Store) indexed(ctx context.Context, q store.Query, x index) (store.Page, error) {
	if q.Limit == 0 || q.Limit > indexPage {
		q.Limit = indexPage
	}
	items, last, err := s.query(ctx, q, &x)
	if err != nil {
		return store.Page{}, err
	}
	if q.Keys {
		return keysOf(q, items, last, x)
	}
	now := s.clock.Now()
	var page store.Page
	read, seen := 0, 0
	for batch := range slices.Chunk(items, maxBatchGet) {
		rows, err := s.rowsOf(ctx, batch)
		if err != nil {
			return store.Page{}, err
		}
		for _, entry := range batch {
			at, err := positionAt(entry, &x)
			if err != nil {
				return store.Page{}, err
			}
			seen++
			row := rows[at.Key]
			if here := (store.Key{Partition: q.Partition, Sort: at.Index}); *x.of(&row) == here && !expired(row, now) {
				page.Rows = append(page.Rows, row)
			}
			if read += store.RowBytes(row); read >= store.MaxPageBytes && seen < len(items) {
				page.Next = at.Cursor()
				return page, nil
			}
		}
	}
	page.Next, err = nextOf(last, &x)
	return page, err
}

// keysOf makes a page of an index's entries alone.
func keysOf(q store.Query, items []item, last item, x index) (page store.Page, err error) {
	for _, entry := range items {
		at, err := positionAt(entry, &x)
		if err != nil {
			return store.Page{}, err
		}
		row := store.Row{Key: at.Key}
		*x.of(&row) = store.Key{Partition: q.Partition, Sort: at.Index}
		page.Rows = append(page.Rows, row)
	}
	page.Next, err = nextOf(last, &x)
	return page, err
}

// errUnread says that DynamoDB read none of a batch's items, for their rate.
var errUnread = errors.New("DynamoDB read no item of the batch")

// rowsOf reads the rows of at most maxBatchGet entries of an index; those that are gone are missing.
func (s *Store) rowsOf(ctx context.Context, entries []item) (map[store.Key]store.Row, error) {
	keys := make([]item, 0, len(entries))
	for _, e := range entries {
		keys = append(keys, item{attrPartition: e[attrPartition], attrSort: e[attrSort]})
	}
	rows := make(map[store.Key]store.Row, len(keys))
	for len(keys) > 0 {
		var out *dynamodb.BatchGetItemOutput
		err := s.call(ctx, func(ctx context.Context) (err error) {
			out, err = s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems:           map[string]types.KeysAndAttributes{*s.table: {Keys: keys, ConsistentRead: aws.Bool(false)}},
				ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
			})
			if err == nil && len(out.UnprocessedKeys[*s.table].Keys) == len(keys) {
				return errUnread
			}
			return err //nolint:wrapcheck // classified and wrapped by call
		})
		if err != nil {
			return nil, err
		}
		for i := range out.ConsumedCapacity {
			s.read("BatchGetItem", &out.ConsumedCapacity[i])
		}
		for _, it := range out.Responses[*s.table] {
			row, err := decode(it)
			if err != nil {
				return nil, err
			}
			rows[row.Key] = row
		}
		keys = out.UnprocessedKeys[*s.table].Keys
	}
	return rows, nil
}

// nextOf is the cursor of a page that DynamoDB ended at a key, empty if it ended at none.
func nextOf(last item, x *index) (string, error) {
	if len(last) == 0 {
		return "", nil
	}
	at, err := positionAt(last, x)
	if err != nil {
		return "", fmt.Errorf("reading where the page ended: %w", err)
	}
	return at.Cursor(), nil
}

func positionAt(key item, x *index) (store.Position, error) {
	r := reader{item: key}
	p := store.Position{Key: store.Key{Partition: r.text(attrPartition), Sort: r.text(attrSort)}}
	if x != nil {
		p.Index = store.IndexSortOf(r.text(x.sort))
	}
	return p, r.err
}

func expired(row store.Row, now time.Time) bool {
	return !row.Expires.IsZero() && store.Expired(row.Expires.Unix(), now.Unix())
}
