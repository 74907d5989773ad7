package label

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// segment is one part of a label between slashes. The marker is the first; its key is empty.
type segment struct {
	text   string
	offset int // in bytes, of text within the label
	key    string
	value  string
}

// source is the label that speaks for a job, or the alias that stands for one.
type source struct {
	label string
	text  string // the label, or what the alias stands for
	alias bool
}

// ours says whether a label is ours: the marker ends at =, at / or with the label, so runs-fleet-large is somebody else's.
func ours(label string) bool {
	if len(label) < len(Marker) || lower(label[:len(Marker)]) != Marker {
		return false
	}
	rest := label[len(Marker):]
	return rest == "" || rest[0] == '=' || rest[0] == '/'
}

// find picks the one label that speaks for the job.
func find(labels []string, f Fleet) (source, error) {
	var found []source
	for _, l := range labels {
		if ours(l) {
			found = append(found, source{label: l, text: l})
			continue
		}
		if text, ok := aliasOf(l, f); ok {
			found = append(found, source{label: l, text: text, alias: true})
		}
	}
	if len(found) == 0 {
		return source{}, ErrNotOurs
	}
	if len(found) > 1 {
		second := found[1]
		seg := second.label
		if !second.alias {
			seg, _, _ = strings.Cut(seg, "/")
		}
		return source{}, &Error{
			Label: second.label, Segment: seg,
			Reason:     fmt.Sprintf("the job has two labels of this fleet, the other is %q", found[0].label),
			Suggestion: "keep one and write every setting into it, separated by /",
		}
	}
	return found[0], nil
}

// aliasOf returns what an alias stands for. Of names that differ in case only, the first in order wins, so that the
// answer does not depend on the order of a map.
func aliasOf(label string, f Fleet) (string, bool) {
	name, ok := lookup(label, keysOf(f.Aliases))
	if !ok {
		return "", false
	}
	return strings.TrimPrefix(f.Aliases[name], "/"), true
}

// read splits the source into segments and reads each.
func (s source) read(f Fleet) (*request, *fault) {
	if ft := s.tooLong(); ft != nil {
		return nil, ft
	}
	segs := s.split()
	req := &request{fleet: f, given: map[string]segment{}}
	for i, seg := range segs {
		if i == 0 && !s.alias {
			req.marker = seg
			if ft := checkMarker(seg); ft != nil {
				return nil, ft
			}
			continue
		}
		if ft := req.take(seg, i, segs); ft != nil {
			return nil, ft
		}
	}
	return req, nil
}

// tooLong comes first: what GitHub cannot register need not be understood, and the rest may count on short labels.
func (s source) tooLong() *fault {
	n := utf8.RuneCountInString(s.label)
	if n <= MaxLength {
		return nil
	}
	var longest segment
	offset := 0
	for text := range strings.SplitSeq(s.label, "/") {
		if len(text) > len(longest.text) {
			longest = segment{text: text, offset: offset}
		}
		offset += len(text) + 1
	}
	return &fault{
		longest, fmt.Sprintf("the label has %d characters, GitHub takes at most %d", n, MaxLength),
		"shorten its longest segment, which is this one",
	}
}

func (s source) split() []segment {
	if s.alias && s.text == "" { // an alias of the default machine
		return nil
	}
	var segs []segment
	offset := 0
	for text := range strings.SplitSeq(s.text, "/") {
		seg := segment{text: text, offset: offset}
		if offset > 0 || s.alias {
			key, value, _ := strings.Cut(text, "=")
			seg.key, seg.value = lower(key), value
		}
		segs = append(segs, seg)
		offset += len(text) + 1
	}
	return segs
}

// checkMarker refuses a run id that swallowed settings: with another separator than / the author would silently get the
// default machine.
func checkMarker(seg segment) *fault {
	_, unique, _ := strings.Cut(seg.text, "=")
	parts := strings.FieldsFunc(unique, func(r rune) bool { return r == ',' || r == ';' || r == '&' || r == '|' || r == ' ' })
	for _, part := range parts {
		key, _, isSetting := strings.Cut(part, "=")
		if _, known := keyNamed(lower(key)); isSetting && known {
			return &fault{
				seg, fmt.Sprintf("%q is part of the unique value here, not a setting", part),
				fmt.Sprintf("separate settings with a slash: %s/%s", Marker+"=<run id>", part),
			}
		}
	}
	return nil
}

// locate turns a fault into an error about the label as the author wrote it.
func (s source) locate(ft *fault) *Error {
	if !s.alias || s.tooLong() != nil {
		return &Error{Label: s.label, Segment: ft.seg.text, Position: ft.seg.offset, Reason: ft.reason, Suggestion: ft.suggestion}
	}
	return &Error{
		Label: s.label, Segment: s.label,
		Reason: fmt.Sprintf("the fleet configuration makes it an alias of %q, where segment %q is wrong: %s",
			s.text, ft.seg.text, ft.reason),
		Suggestion: "correct the alias in the fleet configuration: " + ft.suggestion,
	}
}

// lower folds ASCII letters only, so that offsets stay true and no other letter turns into one of ours.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
