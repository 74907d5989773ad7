package fleetconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// matchSpec is what a pool says that also serves jobs which do not name it.
const matchSpec = "spec"

func (r *reader) pools(n ast.Node, c *Config) {
	taken, plain := newNames("pool"), newNames("label")
	r.each(n, "pools", func(item ast.Node) {
		p := Pool{Zone: c.Timezone, Pool: fleet.Pool{Environment: c.environment(), IdleTimeout: c.Defaults.IdleTimeout}}
		if p.Zone == "" {
			p.Zone = time.UTC.String()
		}
		var instanceType, match string
		var windows ast.Node
		at := r.mapping(
			item, "a pool",
			key{name: "name", read: r.textInto(&p.Name, "name")},
			key{name: "runner", read: r.textInto(&p.Runner, "runner")},
			key{name: "instance_type", read: func(n ast.Node) { instanceType = r.instanceType(n) }},
			key{name: "labels", read: r.textsInto(&p.Labels, "labels")},
			key{name: "environment", read: r.textInto(&p.Environment, "environment")},
			key{name: "region", read: r.textInto(&p.Region, "region")},
			key{name: "match", read: r.textInto(&match, "match")},
			key{name: "desired_running", read: r.numberInto(&p.Size.Running, "desired_running", 0)},
			key{name: "desired_stopped", read: r.numberInto(&p.Size.Stopped, "desired_stopped", 0)},
			key{name: "max", read: r.numberInto(&p.Max, "max", 1)},
			key{name: "idle_timeout_minutes", read: r.minutesInto(&p.IdleTimeout, "idle_timeout_minutes")},
			key{name: "schedules", read: keep(&windows)},
		)
		r.name(taken, p.Name, or(at, "name", item))
		if p.MatchSpec = match == matchSpec; match != "" && !p.MatchSpec {
			r.report(Error, at["match"], fmt.Sprintf("match is %q", match), "write match: spec, or leave it out: then only jobs that name the pool take its machines")
		}
		r.poolPlace(&p, at, c)
		r.poolSpec(&p, instanceType, at, item, c)
		r.plainLabels(plain, p.Labels, or(at, "labels", item))
		if windows != nil {
			p.Windows = r.windows(windows, &p)
		}
		r.poolBounds(&p, at, item)
		zone, err := schedule.Zone(p.Zone)
		if err != nil { // it was checked with the file's
			zone = time.UTC
		}
		p.Schedule = schedule.New(zone, p.Size, p.Windows)
		c.Pools = append(c.Pools, p)
	})
	r.noLabelTwice(n, c)
}

// poolPlace checks that the environment and its region exist.
func (r *reader) poolPlace(p *Pool, at map[string]ast.Node, c *Config) {
	if len(c.Environments) == 0 {
		if n := at["environment"]; n != nil && p.Environment != fleet.DefaultEnvironment {
			r.report(Error, n, fmt.Sprintf("there is no environment %q", p.Environment), "no environment is configured: leave it out, or add it under environments")
		}
		return
	}
	var known []string
	for _, e := range c.Environments {
		known = append(known, e.Name)
		if e.Name != p.Environment {
			continue
		}
		if p.Region != "" && len(e.Regions) > 0 && !slices.Contains(e.Regions, p.Region) {
			r.report(Error, at["region"], fmt.Sprintf("environment %s has no region %q", e.Name, p.Region), meant(p.Region, e.Regions))
		}
		return
	}
	r.report(Error, at["environment"], fmt.Sprintf("there is no environment %q", p.Environment), meant(p.Environment, known))
}

// poolSpec resolves what the pool's machines are made to be, as a label with the same words would.
func (r *reader) poolSpec(p *Pool, instanceType string, at map[string]ast.Node, item ast.Node, c *Config) {
	blame, runner := at["runner"], p.Runner
	names := c.Labels(label.Fleet{})
	names.Environments, names.Platforms = nil, nil
	switch {
	case p.Runner != "" && at["instance_type"] != nil:
		r.report(Error, at["instance_type"], "the pool has a runner and an instance_type", "remove one of the two")
		return
	case p.Runner != "":
	case instanceType != "":
		blame, runner = at["instance_type"], p.ownRunner()
		names.Runners[runner] = label.Runner{Spec: fleet.Spec{InstanceType: instanceType, Disk: c.Defaults.Disk}}
	case at["instance_type"] != nil:
		return // it was reported
	default:
		r.report(Error, item, "the pool does not say what its machines are", "give it a runner, by a name of runners or as 4cpu-linux-amd64, or an instance_type")
		return
	}
	res, err := label.Resolve([]string{label.Marker + "/runner=" + runner}, names)
	if e, ok := errors.AsType[*label.Error](err); ok {
		r.report(Error, blame, e.Reason, strings.ReplaceAll(e.Suggestion, "runner=", "runner: "))
		return
	} else if err != nil {
		r.fail(blame, "%s", err)
		return
	}
	p.Spec = res.Spec
	p.Spec.Market = fleet.OnDemand // a machine that waits for a job must still be there when it comes
	if p.Region != "" {
		p.Spec.Regions = []string{p.Region}
	}
}

// poolBounds settles max, and warns where it cuts what the pool wants.
func (r *reader) poolBounds(p *Pool, at map[string]ast.Node, item ast.Node) {
	largest, in := p.Size, ""
	for _, w := range p.Windows {
		if s := w.Size(p.Size); s.Total() > largest.Total() {
			largest, in = s, " in "+windowName(w)
		}
	}
	if at["max"] == nil {
		p.Max = max(1, largest.Total())
	}
	if largest.Total() > p.Max {
		r.warn(or(at, "max", item), "the pool wants %d machines%s and may have %d: running ones come first, then stopped ones",
			largest.Total(), in, p.Max)
	}
}

// noLabelTwice finds plain labels that a runner and a pool both claim.
func (r *reader) noLabelTwice(n ast.Node, c *Config) {
	of := map[string]string{}
	for _, run := range c.Runners {
		for _, l := range run.Labels {
			of[strings.ToLower(l)] = run.Name
		}
	}
	for _, p := range c.Pools {
		for _, l := range p.Labels {
			if runner, taken := of[strings.ToLower(l)]; taken {
				r.fail(n, "the label %s of pool %s is one of runner %s already", l, p.Name, runner)
			}
		}
	}
}
