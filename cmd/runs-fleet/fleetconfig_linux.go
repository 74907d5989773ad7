package main

import (
	"fmt"
	"os"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/fleetconfig"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// configured is what the fleet configuration means to this server.
type configured struct {
	labels label.Fleet
	pools  []pool.Pool
}

// watchFleetConfig reads the fleet configuration, if the settings name one, and makes labels and pools follow it.
func (s *server) watchFleetConfig(c *controller.Config, offered label.Fleet) error {
	names := func() label.Fleet { return offered }
	if s.settings.FleetConfig != "" {
		var err error
		s.fleetConfig, err = fleetconfig.Watch(fleetconfig.WatchOptions[configured]{
			File: s.settings.FleetConfig, ReadFile: os.ReadFile, Clock: s.clock, Logger: s.log,
			Use: func(config fleetconfig.Config) (configured, error) { return s.configured(config, c.Site, offered) },
		})
		if err != nil {
			return fmt.Errorf("starting with fleet_config: %w", err)
		}
		names = func() label.Fleet { return s.fleetConfig.Current().labels }
		c.Pools = func() []pool.Pool { return s.fleetConfig.Current().pools }
		c.PoolLimits = pool.DefaultLimits()
		if c.Site.Region == fleet.LocalRegion {
			c.PoolLimits.Grace = 0 // a process has booted when its agent reports
		}
	}
	c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
		return label.Resolve(labels, names())
	}
	c.Ours = func(labels []string) bool { return isOurs(labels, names()) }
	return nil
}

// configured checks that this server can do what is configured.
func (s *server) configured(config fleetconfig.Config, site fleet.Site, offered label.Fleet) (configured, error) {
	for _, e := range config.Environments {
		if e.Name != site.Environment {
			return configured{}, fmt.Errorf("environment %s: this server has one environment, %s; name it so, or leave environments out", //nolint:err113 // for people
				e.Name, site.Environment)
		}
	}
	out := configured{labels: config.Labels(offered)}
	for _, p := range config.Pools {
		if site.Region != fleet.LocalRegion && p.Region != "" && p.Region != site.Region {
			return configured{}, fmt.Errorf("pool %s is in region %s, and this server launches in %s", p.Name, p.Region, site.Region) //nolint:err113 // for people
		}
		running, some := onlyRunning(p)
		if some {
			s.log.Warn("a pool keeps running machines only: this server cannot stop and start machines, so desired_stopped has no effect", "pool", p.Name)
		}
		out.pools = append(out.pools, running)
	}
	return out, nil
}

// onlyRunning is the pool without its stopped machines, which no provider here can have yet; some says that there are some.
func onlyRunning(p fleetconfig.Pool) (only pool.Pool, some bool) {
	none := 0
	size := schedule.Size{Running: p.Size.Running}
	some = p.Size.Stopped > 0
	windows := make([]schedule.Window, len(p.Windows))
	for i, w := range p.Windows {
		some = some || w.Stopped != nil && *w.Stopped > 0
		windows[i] = w
		windows[i].Stopped = &none
	}
	return pool.Pool{Pool: p.Pool, Schedule: schedule.New(p.Schedule.Zone(), size, windows)}, some
}
