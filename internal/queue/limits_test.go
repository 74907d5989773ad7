package queue_test

import (
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

func TestBytesCountAttributes(t *testing.T) {
	m := queue.Outgoing{Body: []byte("12345"), Attributes: map[string]string{"ab": "c", "d": ""}}
	if got := m.Bytes(); got != 9 {
		t.Errorf("Bytes = %d, want 9", got)
	}
}
