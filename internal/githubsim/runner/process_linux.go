package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// workerAttributes puts the worker into a process group of its own and kills it when the listener dies.
func workerAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stepAttributes gives a step a session without a terminal, as the official runner's steps have, and kills it when the
// process that started it dies.
func stepAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// adoptOrphans makes this process the parent of every descendant whose own parent ends, so that killOrphans finds them.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the parent of orphans: %w", err)
	}
	return nil
}

// killOrphans kills all descendants of this process and reaps them. It may be called only while no child of ours is one
// that somebody waits for. It returns how many it killed.
func killOrphans() int {
	killed := make(map[int]bool)
	for {
		pids := descendants(os.Getpid())
		if len(pids) == 0 {
			return len(killed)
		}
		mortal := false
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
				killed[pid], mortal = true, true
			}
		}
		if !mortal || !reap() {
			return len(killed)
		}
	}
}

// reap waits for one child to end and takes all that have. It is false when there is none left to wait for.
func reap() bool {
	options := 0
	for {
		pid, err := syscall.Wait4(-1, nil, options, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return false
		case pid == 0:
			return true
		default:
			options = syscall.WNOHANG
		}
	}
}

// killSession kills the processes of one session: those of a step, except what moved into a session of its own.
func killSession(session int) {
	for pid, stat := range processes() {
		if stat.session == session {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// descendants lists the living processes below pid.
func descendants(pid int) []int {
	all := processes()
	below := map[int]bool{pid: true}
	for grown := true; grown; {
		grown = false
		for one, stat := range all {
			if !below[one] && below[stat.parent] {
				below[one], grown = true, true
			}
		}
	}
	delete(below, pid)
	list := make([]int, 0, len(below))
	for one := range below {
		list = append(list, one)
	}
	return list
}

type processStat struct{ parent, session int }

// processes reads /proc. Processes that end meanwhile are left out.
func processes() map[int]processStat {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	all := make(map[int]processStat)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		content, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		// After the command's name in parentheses, which may itself hold any character: state, parent, group, session.
		fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
		const parentField, sessionField = 1, 3
		if len(fields) <= sessionField {
			continue
		}
		parent, _ := strconv.Atoi(string(fields[parentField]))
		session, _ := strconv.Atoi(string(fields[sessionField]))
		all[pid] = processStat{parent: parent, session: session}
	}
	return all
}

// keepFromChildren stops children from inheriting a descriptor that this process inherited.
func keepFromChildren(fd int) { syscall.CloseOnExec(fd) }

// signalOf is the signal that ended a process.
func signalOf(exit *exec.ExitError) int {
	if status, known := exit.Sys().(syscall.WaitStatus); known && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}

func countDescendants() int { return len(descendants(os.Getpid())) }

func reapEnded() {
	for {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
			return
		}
	}
}
