package settings

// closest returns the candidate that a misspelt word most likely means, or nothing when none is near.
func closest(word string, candidates []string) string {
	best, found := len(word)/2+1, "" // more edits than half the word is another word
	for _, c := range candidates {
		if d := edits(word, c); d < best {
			best, found = d, c
		}
	}
	return found
}

// edits is the Levenshtein distance in bytes; keys are ASCII.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
