package store

import "strings"

// An index is ordered by its sort key and then by the row's own key. A backend whose indexes know one sort key only keeps
// both in it, encoded such that the order of bytes is that of the pair. The encoding has neither the byte 0, which not
// everything that speaks DynamoDB keeps, nor more than one byte in addition for each rare character.
const (
	escape    = "\x01"
	separator = escape + "\x01" // below every escaped character, so that a shorter key comes first
)

func escaper() *strings.Replacer {
	return strings.NewReplacer("\x00", escape+"\x02", "\x01", escape+"\x03")
}

// IndexSort joins a sort key of an index and a row's key. Its length counts against MaxSortBytes.
func IndexSort(sort string, key Key) string {
	e := escaper()
	return e.Replace(sort) + separator + e.Replace(key.Partition) + separator + e.Replace(key.Sort)
}

// IndexSortBound returns what a bound of a sort key is among joined ones, both for From and for To.
func IndexSortBound(sort string) string { return escaper().Replace(sort) }

// IndexSortOf returns the sort key that was joined.
func IndexSortOf(joined string) string {
	sort, _, _ := strings.Cut(joined, separator)
	return strings.NewReplacer(escape+"\x02", "\x00", escape+"\x03", "\x01").Replace(sort)
}
