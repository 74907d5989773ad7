package spelling_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/spelling"
)

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "cpu", 3}, {"cpu", "cpu", 0}, {"cpus", "cpu", 1}, {"cup", "cpu", 1}, {"ram", "disk", 4}, {"famly", "family", 1},
	} {
		if got := spelling.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestDistanceIsOne(t *testing.T) {
	word := rapid.StringMatching(`[a-d]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := spelling.Distance(a, b)
		if d != spelling.Distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("Distance(%q, %q) = %d", a, b, d)
		}
	})
}

func TestClosest(t *testing.T) {
	known := []string{"listen", "store", "queue"}
	for written, want := range map[string]string{"stor": "store", "QEUUE": "queue", "lsiten": "listen", "budget": "", "": ""} {
		if got := spelling.Closest(written, known); got != want {
			t.Errorf("Closest(%q) = %q, want %q", written, got, want)
		}
	}
}
