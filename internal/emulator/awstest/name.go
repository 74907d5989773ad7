package awstest

import (
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const nameLength = 40 // a bucket's name has at most 63 characters, and a suffix follows

// Name makes a name from that of the test which no other run of it has, and which a table, a queue and a bucket can have:
// lower-case letters, digits and hyphens.
func Name(t testing.TB) string {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(t.Name()))
	name = strings.Trim(name[:min(len(name), nameLength)], "-")
	return name + "-" + seam.Crypto{}.Token(4)
}
