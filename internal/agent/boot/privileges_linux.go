package boot

import (
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// dropPrivileges leaves the process with the runner's user id, no group beyond its own, no capability, and no way to gain
// one. What it sets is the calling thread's, which is the one that executes the agent: the thread stays locked.
func dropPrivileges(c Config) error {
	runtime.LockOSThread()
	for capability := 0; ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability), 0, 0, 0)
		if err == unix.EINVAL { // this kernel knows no more capabilities
			break
		}
		if err != nil {
			return fmt.Errorf("dropping capability %d: %w", capability, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clearing ambient capabilities: %w", err)
	}
	if c.Isolation == User {
		if err := changeUser(c.UID, c.GID); err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData // version 3 takes two words
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("dropping all capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding new privileges: %w", err)
	}
	return nil
}

func changeUser(uid, gid int) error {
	if uid <= 0 || gid <= 0 {
		return fmt.Errorf("user %d and group %d: a runner must not be root", uid, gid)
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("leaving all groups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("changing to group %d: %w", gid, err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("changing to user %d: %w", uid, err)
	}
	return nil
}
