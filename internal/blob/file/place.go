package file

import (
	"path"
	"strings"
)

// An object may have the name of a folder of other objects ("a" beside "a/b"), which files cannot. So a folder's name
// ends in "+"; an object's is as in its key, but gets a "=" when it ends in one of the two characters itself.
const (
	folderMark = "+"
	objectMark = "="
)

// placeOf returns where the object of a valid key is, below the root.
func placeOf(key string) string {
	segments := strings.Split(key, "/")
	last := len(segments) - 1
	for i := range last {
		segments[i] += folderMark
	}
	if name := segments[last]; strings.HasSuffix(name, folderMark) || strings.HasSuffix(name, objectMark) {
		segments[last] = name + objectMark
	}
	return path.Join(objects, path.Join(segments...))
}

// segmentOf undoes the marks: for a folder it returns the segment with its slash, which is also what orders it among its
// neighbours.
func segmentOf(name string) string {
	if folder, ok := strings.CutSuffix(name, folderMark); ok {
		return folder + "/"
	}
	return strings.TrimSuffix(name, objectMark)
}
