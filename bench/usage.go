package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
)

// usageOf is what a process uses, in bytes.
type usageOf struct {
	RSS    uint64 `json:"rss"`
	Peak   uint64 `json:"peak"` // of RSS, since the process began
	Heap   uint64 `json:"heap"` // live, after a collection
	Stored uint64 `json:"stored"`
}

func measureUsage(stored uint64) usageOf {
	u := usageOf{RSS: statusField("VmRSS"), Peak: statusField("VmHWM"), Stored: stored}
	runtime.GC() // what is live is only known after a collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Heap = m.HeapAlloc
	return u
}

// statusField reads a field of /proc/self/status that is in kB; zero where there is no such file.
func statusField(name string) uint64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		rest, found := strings.CutPrefix(line, name+":")
		if !found {
			continue
		}
		kilobytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return 0
		}
		return kilobytes << 10
	}
	return 0
}

// profile writes a CPU profile until the returned function is called; without a path it does nothing.
func profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, fmt.Errorf("starting the profile: %w", err)
	}
	return func() error {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			return fmt.Errorf("writing the profile: %w", err)
		}
		return nil
	}, nil
}
