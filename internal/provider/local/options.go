// Package local makes machines of processes: each is one runs-fleet-agent that the server starts on its own machine, as
// process 1 of fresh namespaces. The kernel ends everything in them with the agent, so nothing of a job is left, whatever
// it did to survive.
//
// Every instance has a folder with a state file, which is written before its process is started. A process that was
// started waits for its configuration until the state file names it, and ends if the server does so first. So after any
// crash of the server each state file tells the truth, and the agents it names are adopted: they are no children that
// die with their parent.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Isolation chooses how jobs are kept away from the machine.
type Isolation string

// The choices. Auto is the strongest that the server's user may have; NoIsolation must be asked for.
const (
	Auto        Isolation = ""
	NoIsolation Isolation = "none"
)

// Options configure a Provider.
type Options struct {
	// Dir is the provider's own folder; it is made with mode 0700.
	Dir string
	// AgentPath is the runs-fleet-agent binary.
	AgentPath string
	// ServerURL is where agents say hello: http(s)://host:port, or unix:///path of a socket that every user may use in a
	// folder that nobody may enter. Agents open the latter before it is hidden.
	ServerURL string
	Isolation Isolation
	// Slots is how many machines there may be at once. Defaults to the number of CPUs.
	Slots int
	// BootDelay is an artificial boot time.
	BootDelay time.Duration
	// OS and Arch are what this machine offers. They default to what it is.
	OS   fleet.OS
	Arch fleet.Arch
	// RunnerDir returns the folder of an installed runner. It is called for each launch and may take long.
	RunnerDir func(context.Context) (string, error)
	// Hide are files and folders that jobs must not see, such as the server's data directory. Dir and the home folder of
	// the server's user are always hidden.
	Hide []string
	// Environment is added to the clean environment of jobs, for proxies.
	Environment map[string]string
	// UIDBase is the first of the user and group ids that runners get when the server is root; ids that belong to a known
	// user are left out. Defaults to 61000, which distributions leave free.
	UIDBase int
	// MaxProcesses is the most processes of one runner, where a control group can be made. Defaults to 8192.
	MaxProcesses int
	// NoOverlay shows the entries of the installed runner read-only in each runner's folder instead of an overlay: for
	// kernels and file systems whose overlays misbehave. Where one is refused that happens by itself.
	NoOverlay bool
	// KeepLogs is how long logs of ended machines are kept. Defaults to a week.
	KeepLogs time.Duration
	// WithoutLimit is told, once, that no control group can be made, so that jobs run without a limit of processes. Optional.
	WithoutLimit func()
	Clock        seam.Clock
	Random       seam.Random
	Logger       *slog.Logger
}

// The defaults, and how long ended instances are listed: as long as EC2 does.
const (
	defaultUIDBase      = 61000
	defaultMaxProcesses = 8192
	defaultKeepLogs     = 7 * 24 * time.Hour
	listEnded           = time.Hour
)

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" || o.AgentPath == "" || o.ServerURL == "" || o.RunnerDir == nil {
		return o, errors.New("local provider: Dir, AgentPath, ServerURL and RunnerDir are required")
	}
	if o.Isolation != Auto && o.Isolation != NoIsolation {
		return o, fmt.Errorf("isolation %q is unknown: leave it out for the strongest, or say %q", o.Isolation, NoIsolation)
	}
	if o.Slots < 0 || o.Slots > maxSlots {
		return o, fmt.Errorf("%d slots: must be 1 to %d", o.Slots, maxSlots)
	}
	o.Slots = cmp.Or(o.Slots, runtime.NumCPU())
	o.OS = cmp.Or(o.OS, fleet.OS(runtime.GOOS))
	o.Arch = cmp.Or(o.Arch, fleet.Arch(runtime.GOARCH))
	o.UIDBase = cmp.Or(o.UIDBase, defaultUIDBase)
	o.MaxProcesses = cmp.Or(o.MaxProcesses, defaultMaxProcesses)
	o.KeepLogs = cmp.Or(o.KeepLogs, defaultKeepLogs)
	if o.Clock == nil {
		o.Clock = seam.System{}
	}
	if o.Random == nil {
		o.Random = seam.Crypto{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// maxSlots keeps a mistyped number from becoming a denial of service against the server itself.
const maxSlots = 1000

// Identity is who said hello.
type Identity struct {
	Site     fleet.Site
	Instance string
	Launch   string
}

// ErrNoIsolation says that this machine cannot isolate jobs; its text says the remedy.
var ErrNoIsolation = errors.New("jobs cannot be isolated on this machine")

const remedy = "Either run the server as root, or allow user namespaces " +
	"(Ubuntu 24.04: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; " +
	"others: sudo sysctl -w user.max_user_namespaces=15000), " +
	"or accept jobs that can read and change whatever this user can: --isolation=none"

// kinds of isolation by their name in the boot stage.
const (
	userIsolation      = boot.User
	namespaceIsolation = boot.Namespace
	noIsolation        = boot.None
)
