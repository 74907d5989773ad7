package dynamodb

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

func TestSqueezedValuesComeBack(t *testing.T) {
	var s squeezer
	rapid.Check(t, func(t *rapid.T) {
		value := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "piece"), rapid.IntRange(1, 200).Draw(t, "times"))
		squeezed, ok := s.squeeze(value)
		if !ok {
			return
		}
		if len(squeezed) >= len(value) {
			t.Errorf("%d bytes became %d", len(value), len(squeezed))
		}
		if got, err := expand(squeezed); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d bytes came back as %d, %v", len(value), len(got), err)
		}
	})
	if _, ok := s.squeeze(bytes.Repeat([]byte("a"), squeezeFrom)); !ok {
		t.Error("a value of one letter was not squeezed")
	}
	if _, ok := s.squeeze(bytes.Repeat([]byte("a"), squeezeFrom-1)); ok {
		t.Error("a value that fits anyway was squeezed")
	}
}

func TestWhatWasNotSqueezedIsRefused(t *testing.T) {
	var s squeezer
	bomb, _ := s.squeeze(make([]byte, store.MaxRowBytes+1))
	for name, value := range map[string][]byte{"noise": []byte("no deflate"), "cut": bomb[:len(bomb)/2], "larger than any row": bomb} {
		if _, err := expand(value); err == nil {
			t.Errorf("%s was expanded", name)
		}
	}
}
