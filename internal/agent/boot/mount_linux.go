package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The limits of what a job may fill of memory through file systems that are not its own folder.
const (
	runOptions  = "mode=0755,size=16m"
	hideOptions = "mode=0755,size=64k"
	devOptions  = "mode=0755,size=64k"
	shmOptions  = "mode=1777,size=50%"
)

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mounting %s at %s: %w", kindOr(kind, source), target, err)
	}
	return nil
}

func kindOr(kind, source string) string {
	if kind != "" {
		return kind
	}
	return source
}

// bind shows source, a descriptor opened before anything was hidden, at target with exactly these flags beyond those
// that the source's own mount has and that a user namespace may not take away.
func bind(source int, target string, flags uintptr) error {
	if err := mount(fmt.Sprintf("/proc/self/fd/%d", source), target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return remount(target, flags)
}

// remount sets the flags of a mount that is there already; read-only is taken away unless flags hold it.
func remount(target string, flags uintptr) error {
	var s unix.Statfs_t
	if err := unix.Statfs(target, &s); err != nil {
		return &os.PathError{Op: "statfs", Path: target, Err: err}
	}
	keep := map[int64]uintptr{
		unix.ST_NOSUID: unix.MS_NOSUID, unix.ST_NODEV: unix.MS_NODEV, unix.ST_NOEXEC: unix.MS_NOEXEC,
		unix.ST_NOATIME: unix.MS_NOATIME, unix.ST_NODIRATIME: unix.MS_NODIRATIME, unix.ST_RELATIME: unix.MS_RELATIME,
	}
	for have, flag := range keep {
		if s.Flags&have != 0 {
			flags |= flag
		}
	}
	return mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|flags, "")
}

// sealTree makes every mount read-only and its set-user-id bits void. Kernels before 5.12 have no call for a whole tree:
// there each mount is changed by itself.
func sealTree() error {
	attributes := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, attributes)
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("making the file systems read-only: %w", err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("reading the mounts: %w", err)
	}
	for line := range strings.Lines(string(table)) {
		const mountPoint = 4 // proc(5), mountinfo
		fields := strings.Fields(line)
		if len(fields) <= mountPoint {
			continue
		}
		target := unescape(fields[mountPoint])
		if err := remount(target, unix.MS_RDONLY|unix.MS_NOSUID); err != nil && !shadowed(err) {
			return err
		}
	}
	return nil
}

// shadowed tells of a mount that no path leads to any more, so that no job can reach it either.
func shadowed(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTDIR)
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// open returns a descriptor for use as the source of a bind.
func open(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

func mkdirs(mode os.FileMode, paths ...string) error {
	for _, path := range paths {
		if err := os.MkdirAll(path, mode); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
	}
	return nil
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making a mount point: %w", err)
	}
	return f.Close()
}

// resolved returns the path without symbolic links, or nothing if it does not exist.
func resolved(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return target
}
