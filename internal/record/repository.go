package record

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Repository is a repository that had jobs lately: what the truth sweep and the sweep of registrations go through.
type Repository struct {
	Repository fleet.Repository `json:"repository"`
	Active     time.Time        `json:"active"` // exact to an hour
}

func repositoryKey(host string, id int64) store.Key {
	return store.Key{Partition: fmt.Sprintf("repository/%s/%d", host, id), Sort: "repository"}
}

// Repository reads a repository's row.
func (r *Records) Repository(ctx context.Context, host string, id int64) (Kept[Repository], error) {
	return get[Repository](ctx, r, repositoryKey(host, id))
}

// PutRepository notes that a repository is active; it is forgotten after a while.
func (r *Records) PutRepository(old Kept[Repository], v Repository, expires time.Time) []store.Write {
	key := repositoryKey(v.Repository.Host, v.Repository.ID)
	row := store.Row{Key: key, Value: encode(v), Expires: expires, Index2: store.Key{Partition: "repositories", Sort: key.Partition}}
	return []store.Write{store.Put(row, store.At(old.Version))}
}

// Repositories lists the active ones.
func (r *Records) Repositories(ctx context.Context) ([]Repository, error) {
	var out []Repository
	err := r.eachIndexed(ctx, store.Query{Partition: "repositories"}, func(row store.Row) error {
		k, err := decode[Repository](row)
		out = append(out, k.V)
		return err
	})
	return out, err
}
