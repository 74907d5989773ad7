package fleetconfig

import (
	"cmp"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// Config is a fleet configuration.
type Config struct {
	// Revision identifies the content: 16 hexadecimal characters.
	Revision     string
	Timezone     string
	Defaults     Defaults
	Environments []Environment
	Images       []Image
	Runners      []Runner
	Pools        []Pool
}

// Defaults are what runners and pools have that do not say it themselves.
type Defaults struct {
	Market      fleet.Market
	Disk        fleet.Disk
	IdleTimeout time.Duration
}

// Environment is a part of the fleet with machines of its own.
type Environment struct {
	Name       string
	Default    bool
	Regions    []string
	MaxRunners int // 0: no bound
	Private    bool
}

// Image is a named machine image.
type Image struct {
	Name string
	OS   fleet.OS
	Arch fleet.Arch
}

// Runner is a named spec, and plain labels that stand for it.
type Runner struct {
	Name   string
	Spec   fleet.Spec
	Labels []string
}

// Pool is a pool with when it has which size.
type Pool struct {
	fleet.Pool
	// Runner is the runner of its machines; empty if it names an instance type.
	Runner string
	// Labels are plain labels whose jobs take its machines.
	Labels []string
	// Zone is in which the windows are, by its name in the IANA database.
	Zone    string
	Size    schedule.Size
	Windows []schedule.Window
	// Schedule is Size and Windows in Zone.
	Schedule *schedule.Schedule
}

// DefaultIdleTimeout is that of a pool when neither it nor the defaults say another.
const DefaultIdleTimeout = 30 * time.Minute

// Labels is what the labels of jobs can refer to, laid over what a server offers by itself.
func (c Config) Labels(offered label.Fleet) label.Fleet {
	f := offered
	if len(c.Environments) > 0 {
		f.Environments, f.DefaultEnvironment = nil, ""
	}
	for _, e := range c.Environments {
		f.Environments = append(f.Environments, label.Environment{Name: e.Name, Regions: e.Regions, Private: e.Private})
		if e.Default || len(c.Environments) == 1 {
			f.DefaultEnvironment = e.Name
		}
	}
	f.Runners, f.Aliases, f.Images, f.Pools = map[string]label.Runner{}, map[string]string{}, nil, nil
	for _, i := range c.Images {
		f.Images = append(f.Images, i.Name)
	}
	for _, r := range c.Runners {
		f.Runners[r.Name] = label.Runner{Spec: r.Spec}
		for _, l := range r.Labels {
			f.Aliases[l] = "runner=" + r.Name
		}
	}
	for _, p := range c.Pools {
		f.Pools = append(f.Pools, p.Name)
		if p.Runner == "" {
			f.Runners[p.ownRunner()] = label.Runner{Spec: fleet.Spec{InstanceType: p.Spec.InstanceType, Disk: c.Defaults.Disk}}
		}
		for _, l := range p.Labels {
			f.Aliases[l] = "runner=" + cmp.Or(p.Runner, p.ownRunner()) + "/pool=" + p.Name
		}
	}
	return f
}

// ownRunner is the runner of a pool that names an instance type. No other can have this name.
func (p Pool) ownRunner() string { return "pool:" + p.Name }

// Pool returns the pool with the name; false if there is none.
func (c Config) Pool(name string) (Pool, bool) {
	for _, p := range c.Pools {
		if p.Name == name {
			return p, true
		}
	}
	return Pool{}, false
}

// environment is where a pool is that names none.
func (c Config) environment() string {
	for _, e := range c.Environments {
		if e.Default || len(c.Environments) == 1 {
			return e.Name
		}
	}
	return fleet.DefaultEnvironment
}
