package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The free space without which something will go wrong: the queue refuses deliveries below 64 MB, and a job needs room.
const (
	leastSpace  = 256 << 20
	enoughSpace = 5 << 30
)

// Directory looks at the data directory: whether it can be made or written, is private, and has room.
func Directory(dir string) []Finding {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := existingParent(dir)
		if unix.Access(parent, unix.W_OK) != nil {
			return One(Problem, fmt.Sprintf("%s does not exist and cannot be made in %s", dir, parent),
				"make it and give it to this user, or choose another with --data")
		}
		return append(One(OK, dir+" will be made at the first start", ""), space(parent)...)
	case err != nil:
		return One(Problem, err.Error(), "give the directory to this user, or choose another with --data")
	case !info.IsDir():
		return One(Problem, dir+" is no directory", "choose another with --data")
	case unix.Access(dir, unix.W_OK|unix.X_OK) != nil:
		return One(Problem, "this user cannot write "+dir, "run this command and the server as its owner, or choose another with --data")
	}
	const others = 0o077
	if info.Mode().Perm()&others != 0 {
		return append(One(Warning, "other users can look into "+dir, "chmod 700 "+dir), space(dir)...)
	}
	return append(One(OK, dir, ""), space(dir)...)
}

func existingParent(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if _, err := os.Stat(parent); err == nil || parent == dir {
			return parent
		}
		dir = parent
	}
}

func space(dir string) []Finding {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return []Finding{{Check: "disk", Level: Warning, Detail: "its free space is unknown: " + err.Error(), Remedy: "look with df -h " + dir}}
	}
	free := s.Bavail * uint64(s.Bsize)
	return []Finding{spaceFinding(dir, free)}
}

func spaceFinding(dir string, free uint64) Finding {
	f := Finding{Check: "disk", Level: OK, Detail: fmt.Sprintf("%.1f GB are free for %s", float64(free)/1e9, dir)}
	switch {
	case free < leastSpace:
		f.Level, f.Remedy = Problem, "make room: the server refuses deliveries when its disk is full"
	case free < enoughSpace:
		f.Level, f.Remedy = Warning, "make room: the runner takes 0.6 GB, and jobs check repositories out here"
	}
	return f
}
