package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// sources are the descriptors of everything that is shown again after the rest was hidden.
type sources struct {
	folder, runner, logs int
	devices              map[string]int
}

// isolate arranges the mount namespace: everything read-only and without set-user-id, the server's and other runners'
// files hidden, and /proc, /dev, /run, /tmp and /dev/shm private. It returns how the runner's folder was made.
func isolate(c *Config) (string, error) {
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", err
	}
	if err := makeFolders(c); err != nil {
		return "", err
	}
	s, err := openSources(c)
	if err != nil {
		return "", err
	}
	resolver, hidden := readResolver(), hiddenPaths(c)
	if err := sealTree(); err != nil {
		return "", err
	}
	if err := privateRun(resolver); err != nil {
		return "", err
	}
	if err := stage(s); err != nil {
		return "", err
	}
	if err := inheritLogs("/run/logs"); err != nil {
		return "", err
	}
	kind, err := runnerFolder(c)
	if err != nil {
		return "", err
	}
	for _, step := range []func() error{
		privateTemporary,
		func() error { return privateDevices(s.devices) },
		privateProc,
		func() error { return hide(hidden) },
		dropStaging,
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	return kind, os.Chdir("/")
}

// stage shows the sources below the new /run, where what was sealed can be written again, until the parts of them are
// where a job expects them, and the log folder is open.
func stage(s sources) error {
	for _, b := range []struct {
		source int
		target string
		flags  uintptr
	}{
		{s.folder, "/run/box", unix.MS_NOSUID | unix.MS_NODEV},
		{s.runner, "/run/base", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_RDONLY},
		{s.logs, "/run/logs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
	} {
		if err := mkdirs(0o700, b.target); err != nil {
			return err
		}
		if err := bind(b.source, b.target, b.flags); err != nil {
			return err
		}
		if err := unix.Close(b.source); err != nil {
			return os.NewSyscallError("close", err)
		}
	}
	return nil
}

// makeFolders makes the parts of the instance's own folder and gives them to the runner's user.
func makeFolders(c *Config) error {
	for _, name := range []string{"runner", "work", "home", "tmp"} {
		path := filepath.Join(c.Folder, name)
		if err := mkdirs(0o700, path); err != nil {
			return err
		}
		if name == "tmp" {
			if err := os.Chmod(path, os.ModeSticky|0o777); err != nil { // tools refuse a /tmp that is not as usual
				return fmt.Errorf("preparing /tmp: %w", err)
			}
		}
		if err := os.Chown(path, c.UID, c.GID); err != nil {
			return fmt.Errorf("giving the folder to the runner's user: %w", err)
		}
	}
	return nil
}

// deviceNames are those of /dev that a job may need; file permissions still decide.
func deviceNames() []string {
	return []string{"null", "zero", "full", "random", "urandom", "tty", "kvm", "fuse"}
}

func openSources(c *Config) (sources, error) {
	s := sources{devices: map[string]int{}}
	var err error
	if s.folder, err = open(c.Folder); err != nil {
		return s, fmt.Errorf("opening the instance's folder: %w", err)
	}
	if s.runner, err = open(c.RunnerDir); err != nil {
		return s, fmt.Errorf("opening the installed runner: %w", err)
	}
	for _, name := range deviceNames() {
		if fd, err := open("/dev/" + name); err == nil { // not every machine has each
			s.devices[name] = fd
		}
	}
	if s.logs, err = open(c.Logs); err != nil {
		return s, fmt.Errorf("opening the log folder: %w", err)
	}
	return s, nil
}

// readResolver returns the files below /run that /etc/resolv.conf stands for, since a job needs name resolution.
func readResolver() map[string][]byte {
	files := map[string][]byte{}
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"} {
		target := resolved(path)
		if !strings.HasPrefix(target, "/run/") {
			continue
		}
		if b, err := os.ReadFile(target); err == nil {
			files[target] = b
		}
	}
	return files
}

// privateRun replaces /run, where the sockets of services are (Docker, the user's systemd, key agents), by an empty one.
func privateRun(resolver map[string][]byte) error {
	if err := mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, runOptions); err != nil {
		return err
	}
	if target := resolved("/var/run"); target != "" && target != "/run" {
		if err := mount("tmpfs", "/var/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, runOptions); err != nil {
			return err
		}
	}
	for path, content := range resolver {
		if err := mkdirs(0o755, filepath.Dir(path)); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // as public as the original
			return fmt.Errorf("keeping the name resolution: %w", err)
		}
	}
	return nil
}

// privateTemporary shows folders of the instance's own as /tmp, /var/tmp and the home folder: on disk, because builds
// fill them.
func privateTemporary() error {
	if err := mkdirs(0o755, HomeFolder); err != nil {
		return err
	}
	for _, b := range []struct{ name, target string }{{"home", HomeFolder}, {"tmp", "/tmp"}, {"tmp", "/var/tmp"}} {
		if resolved(b.target) != b.target {
			continue // missing, or a link to one of the others
		}
		fd, err := open(filepath.Join("/run/box", b.name))
		if err != nil {
			return err
		}
		if err := bind(fd, b.target, unix.MS_NOSUID|unix.MS_NODEV); err != nil {
			return err
		}
		if err := unix.Close(fd); err != nil {
			return os.NewSyscallError("close", err)
		}
	}
	return nil
}

// privateDevices replaces /dev: no disk, no terminal of the host, shared memory and pseudo-terminals of its own.
func privateDevices(devices map[string]int) error {
	if err := mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, devOptions); err != nil {
		return err
	}
	for name, fd := range devices {
		target := "/dev/" + name
		if err := touch(target); err != nil {
			return err
		}
		if err := mount(fmt.Sprintf("/proc/self/fd/%d", fd), target, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		if err := unix.Close(fd); err != nil {
			return os.NewSyscallError("close", err)
		}
	}
	if err := mkdirs(0o755, "/dev/pts", "/dev/shm", "/dev/mqueue"); err != nil {
		return err
	}
	if err := mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return err
	}
	if err := mount("tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, shmOptions); err != nil {
		return err
	}
	for link, target := range map[string]string{
		"/dev/ptmx": "pts/ptmx", "/dev/fd": "/proc/self/fd",
		"/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, link); err != nil {
			return fmt.Errorf("making a link of /dev: %w", err)
		}
	}
	return remount("/dev", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOEXEC)
}

// privateProc shows only the processes of this namespace.
func privateProc() error {
	return mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

// hiddenPaths resolves what must be out of sight while it still can be seen: home folders, which hold keys that a job of
// the same user could read, and what the server names.
func hiddenPaths(c *Config) []string {
	var paths []string
	for _, path := range append([]string{"/home", "/root", c.Folder}, c.Hide...) {
		if target := resolved(path); target != "" && target != "/" {
			paths = append(paths, target)
		}
	}
	return paths
}

// hide covers folders with an empty read-only one and files with nothing. A path below another hidden one, or below /tmp
// or /run, is gone already.
func hide(paths []string) error {
	for _, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			continue
		case info.IsDir():
			flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY)
			if err := mount("tmpfs", path, "tmpfs", flags, hideOptions); err != nil {
				return err
			}
		default:
			if err := mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropStaging takes the instance's whole folder and the shared installation away; their parts stay where they are shown.
func dropStaging() error {
	for _, path := range []string{"/run/box", "/run/base", "/run/logs"} {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("removing the staging mount %s: %w", path, err)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing the staging folder: %w", err)
		}
	}
	return nil
}
