package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// workerName is the file name of the process that executes a job. It fits the 15 bytes that the kernel keeps.
const workerName = "Runner.Worker"

// Observe implements Runner by one pass over /proc. As process 1 of its namespace the agent is the parent of everything
// that a job left behind, and reaps it here; the listener is os/exec's to reap.
func (p *Processes) Observe() (Observation, error) {
	listener, self := p.listenerID(), os.Getpid()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return Observation{}, fmt.Errorf("listing processes: %w", err)
	}
	const first = 1 // of a process namespace
	o := Observation{Alone: self == first}
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		s, ok := readStat(id)
		if !ok {
			continue
		}
		o.Alone = o.Alone && (id == self || s.state == 'Z')
		switch {
		case s.parent == self && s.state == 'Z' && id != listener:
			p.reap(id)
		case s.name == workerName && s.state != 'Z' && (s.parent == listener || s.parent == self):
			o.WorkerRunning = true
		}
	}
	if o.WorkerEver, err = p.workerLogs(); err != nil {
		return o, err
	}
	if _, err := os.Lstat(filepath.Join(p.options.Folder, "update.finished")); err == nil {
		o.Updated = true
	}
	o.WorkerEver = o.WorkerEver || o.WorkerRunning
	return o, nil
}

// reap collects one ended child. Its number may have become the listener's between the look and now, so it is looked up
// again under the lock that a start holds.
func (p *Processes) reap(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process != nil && p.process.Pid == id {
		return
	}
	var status syscall.WaitStatus
	_, _ = syscall.Wait4(id, &status, syscall.WNOHANG, nil) // one that is no child any more is nothing to reap
}

func (p *Processes) workerLogs() (bool, error) {
	names, err := os.ReadDir(filepath.Join(p.options.Folder, diagnosticsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("listing the runner's logs: %w", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name.Name(), "Worker_") {
			return true, nil
		}
	}
	return false, nil
}

type stat struct {
	name   string
	state  byte
	parent int
}

// readStat reads /proc/ID/stat: "ID (name) state parent ...", where the name may hold anything.
func readStat(id int) (stat, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return stat{}, false
	}
	return parseStat(string(b))
}

func parseStat(line string) (stat, bool) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return stat{}, false
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 2 || fields[0] == "" {
		return stat{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, false
	}
	return stat{name: line[open+1 : end], state: fields[0][0], parent: parent}, true
}
