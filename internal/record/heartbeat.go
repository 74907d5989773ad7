package record

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Heartbeat is written every minute. A gap tells a server that starts that the store may be an old backup: until then the
// rows are not believed when they are silent about an instance (section 8). Reading it is the canary of that section.
type Heartbeat struct {
	At    time.Time `json:"at"`
	Young time.Time `json:"young"` // until when the rows may be incomplete
}

func heartbeatKey() store.Key { return store.Key{Partition: "fleet", Sort: "heartbeat"} }

// Heartbeat reads it.
func (r *Records) Heartbeat(ctx context.Context) (Kept[Heartbeat], error) {
	return get[Heartbeat](ctx, r, heartbeatKey())
}

// PutHeartbeat writes it.
func (r *Records) PutHeartbeat(old Kept[Heartbeat], h Heartbeat) []store.Write {
	return []store.Write{store.Put(store.Row{Key: heartbeatKey(), Value: encode(h)}, store.At(old.Version))}
}
