package boot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// How a runner's folder was made from the shared installation.
const (
	kindOverlay = "overlay"
	kindBinds   = "read-only binds"
	kindLinks   = "hard links"
	kindCopy    = "copy"
)

// ownFiles are what a runner writes into its folder. An installed runner that was used or registered before has them
// already; they are nobody else's business.
func ownFiles() []string {
	return []string{
		"_diag", "_work", ".runner", ".runner_migrated", ".credentials", ".credentials_rsaparams", ".credentials_migrated", ".service",
	}
}

func isOwnFile(name string) bool { return slices.Contains(ownFiles(), name) }

// runnerFolder shows the shared installation at RunnerFolder, with what the runner writes kept in the instance's folder:
// as an overlay, or where the kernel or the file system refuses that, with each of its entries bound read-only.
func runnerFolder(c *Config) (string, error) {
	if err := mkdirs(0o755, RunnerFolder); err != nil {
		return "", err
	}
	options := "lowerdir=/run/base,upperdir=/run/box/runner,workdir=/run/box/work"
	if c.Isolation == Namespace {
		options += ",userxattr" // the trusted attributes that overlays use otherwise are root's
	}
	if !c.NoOverlay && whiteout("/run/base", "/run/box/runner") == nil {
		if err := unix.Mount("overlay", RunnerFolder, "overlay", unix.MS_NOSUID|unix.MS_NODEV, options); err == nil {
			return kindOverlay, nil
		}
	}
	upper, err := open("/run/box/runner")
	if err != nil {
		return "", err
	}
	if err := bind(upper, RunnerFolder, unix.MS_NOSUID|unix.MS_NODEV); err != nil {
		return "", err
	}
	if err := unix.Close(upper); err != nil {
		return "", os.NewSyscallError("close", err)
	}
	for _, name := range ownFiles() { // what a tried overlay may have left
		if err := os.Remove(filepath.Join(RunnerFolder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("clearing the runner's folder: %w", err)
		}
	}
	entries, err := os.ReadDir("/run/base")
	if err != nil {
		return "", fmt.Errorf("listing the installed runner: %w", err)
	}
	for _, entry := range entries {
		if isOwnFile(entry.Name()) {
			continue
		}
		if err := bindEntry(entry); err != nil {
			return "", err
		}
	}
	return kindBinds, nil
}

// whiteout hides the own files of the lower folder in an overlay: a character device 0:0 in the upper one says so.
func whiteout(lower, upper string) error {
	for _, name := range ownFiles() {
		if _, err := os.Lstat(filepath.Join(lower, name)); err != nil {
			continue
		}
		if err := unix.Mknod(filepath.Join(upper, name), unix.S_IFCHR, 0); err != nil {
			return fmt.Errorf("hiding %s of the installed runner: %w", name, err)
		}
	}
	return nil
}

func bindEntry(entry fs.DirEntry) error {
	source, target := filepath.Join("/run/base", entry.Name()), filepath.Join(RunnerFolder, entry.Name())
	if entry.Type()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(source)
		if err != nil {
			return fmt.Errorf("reading a link of the installed runner: %w", err)
		}
		return os.Symlink(to, target)
	}
	point := func() error { return touch(target) }
	if entry.IsDir() {
		point = func() error { return mkdirs(0o755, target) }
	}
	if err := point(); err != nil {
		return err
	}
	fd, err := open(source)
	if err != nil {
		return err
	}
	if err := bind(fd, target, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV); err != nil {
		return err
	}
	return os.NewSyscallError("close", unix.Close(fd))
}

// linkRunner makes the folder without any mount: hard links where both are on one file system, else a copy.
func linkRunner(from, to string) (string, error) {
	kind := kindLinks
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case isOwnFile(relative) && entry.IsDir():
			return filepath.SkipDir
		case isOwnFile(relative):
			return nil
		case entry.IsDir():
			return mkdirs(0o700, target)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target) //nolint:gosec // who can change the installation needs no race: its programs run next
		}
		if kind == kindLinks {
			err := os.Link(path, target) //nolint:gosec // who can change the installation needs no race: its programs run next
			if err == nil || !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EMLINK) {
				return err
			}
			kind = kindCopy
		}
		return copyFile(path, target)
	})
	if err != nil {
		return "", fmt.Errorf("making the runner's folder: %w", err)
	}
	return kind, nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // only read
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, source); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return nil
}
