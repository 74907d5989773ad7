package awssim

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// paged is embedded by what is answered in pages.
type paged struct {
	MaxResults *int   `form:"MaxResults"`
	NextToken  string `form:"NextToken"`
}

// pages bound what an action answers at once. unasked is the size of a page when the request does not say; 0 is everything.
type pages struct {
	least, most, unasked int
}

// page cuts a page out of all items, which are put in the order of their keys. A token says after which key to go on, so
// that what comes and goes between two pages shifts nothing.
func page[T any](r request, bounds pages, p paged, all []T, key func(T) string) (items []T, next string, err error) {
	size := bounds.unasked
	if p.MaxResults != nil {
		if size = *p.MaxResults; size < bounds.least || size > bounds.most {
			return nil, "", r.refuse(sim.CodeInvalidParameter, "Value ( %d ) for parameter maxResults is invalid. Expecting a value from %d to %d.",
				size, bounds.least, bounds.most)
		}
	}
	slices.SortStableFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if p.NextToken != "" {
		after, err := readToken(r, p.NextToken)
		if err != nil {
			return nil, "", err
		}
		all = slices.DeleteFunc(all, func(t T) bool { return key(t) <= after })
	}
	if size == 0 || len(all) <= size {
		return all, "", nil
	}
	return all[:size], writeToken(r, key(all[size-1])), nil
}

func writeToken(r request, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(r.action + " " + r.in.name + " " + key))
}

func readToken(r request, token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	key, ours := strings.CutPrefix(string(b), r.action+" "+r.in.name+" ")
	if err != nil || !ours {
		return "", r.refuse(codeNextToken, "The specified NextToken is not valid.")
	}
	return key, nil
}
