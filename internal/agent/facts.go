package agent

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// Facts describes this machine in a hello that proves nothing yet.
func Facts() agentapi.Hello {
	return agentapi.Hello{
		Version: version.Current().Version, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), MemMiB: memory(),
	}
}

// memory returns the machine's memory in MiB, 0 if it cannot be known.
func memory() int {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "MemTotal:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				return 0
			}
			return kib >> 10
		}
	}
	return 0
}
