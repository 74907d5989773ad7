package fleet

import (
	"slices"
	"time"
)

// Entry is one line of a history. Text is a whole sentence for people.
type Entry struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // a word that programs may rely on
	Text string    `json:"text"`
}

// maxHistory bounds a row: about 150 bytes an entry.
const maxHistory = 48

// History is bounded: the first entries tell how it began, the last how it is; what is dropped is the middle.
type History []Entry

// Add appends an entry, unless it repeats the last one.
func (h History) Add(at time.Time, kind, text string) History {
	if n := len(h); n > 0 && h[n-1].Kind == kind && h[n-1].Text == text {
		return h
	}
	h = append(slices.Clip(h), Entry{At: at, Kind: kind, Text: text})
	if len(h) <= maxHistory {
		return h
	}
	const keep = maxHistory / 3
	kept := append(History{}, h[:keep]...)
	return append(kept, h[len(h)-(maxHistory-keep):]...)
}

// Find returns the first entry of a kind.
func (h History) Find(kind string) (Entry, bool) {
	for _, e := range h {
		if e.Kind == kind {
			return e, true
		}
	}
	return Entry{}, false
}
