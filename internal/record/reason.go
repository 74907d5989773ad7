package record

import (
	"context"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Reason is why a message of the queue could not be applied when it was tried last. A queue cannot keep it, since none of
// them changes a message.
type Reason struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// keepReasons is longer than any queue keeps a dead letter.
const keepReasons = 15 * 24 * time.Hour

// maxReason bounds the text, in bytes.
const maxReason = 1000

func reasonKey(message string) store.Key {
	return store.Key{Partition: "message/" + message, Sort: "reason"}
}

// Reason reads why a message failed, by its id in the queue.
func (r *Records) Reason(ctx context.Context, message string) (Kept[Reason], error) {
	return get[Reason](ctx, r, reasonKey(message))
}

// PutReason writes it, in place of an earlier one.
func (r *Records) PutReason(message string, v Reason) []store.Write {
	if len(v.Text) > maxReason {
		v.Text = strings.ToValidUTF8(v.Text[:maxReason], "") + "…"
	}
	return []store.Write{store.Put(store.Row{Key: reasonKey(message), Value: encode(v), Expires: v.At.Add(keepReasons)}, store.Any())}
}
