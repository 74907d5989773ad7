package blob

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of keys. A segment must also fit in a file's name, with room for a mark.
const (
	MaxKeyBytes     = 1024
	MaxSegmentBytes = 200
)

// MaxList is the most objects of one page of a listing, and the page of a limit of 0 (Amazon S3 API, ListObjectsV2).
const MaxList = 1000

// CheckKey refuses, with ErrKey, a key that not every backend takes.
func CheckKey(key string) error {
	if len(key) > MaxKeyBytes {
		return fmt.Errorf("%w: %d bytes, over the limit of %d", ErrKey, len(key), MaxKeyBytes)
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: %q is not valid UTF-8", ErrKey, key)
	}
	if strings.ContainsFunc(key, unicode.IsControl) {
		return fmt.Errorf("%w: %q has a control character", ErrKey, key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "" || segment == "." || segment == "..":
			return fmt.Errorf("%w: %q has a segment %q", ErrKey, key, segment)
		case len(segment) > MaxSegmentBytes:
			return fmt.Errorf("%w: %q has a segment of %d bytes, over the limit of %d", ErrKey, key, len(segment), MaxSegmentBytes)
		}
	}
	return nil
}

// CheckRange refuses, with ErrRange, a part that no object has.
func CheckRange(offset, length int64) error {
	if offset < 0 || length < 0 {
		return fmt.Errorf("%w: %d bytes from byte %d", ErrRange, length, offset)
	}
	return nil
}
