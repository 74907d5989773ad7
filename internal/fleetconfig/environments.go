package fleetconfig

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Bounds of numbers, which catch a figure in the wrong unit and no real fleet.
const (
	mostMachines = 100_000
	mostMinutes  = 31 * 24 * 60
)

func (r *reader) defaults(n ast.Node, c *Config) {
	r.mapping(
		n, "defaults",
		key{name: "spot", read: r.marketInto(&c.Defaults.Market)},
		key{name: "disk", read: func(n ast.Node) { c.Defaults.Disk = r.spec(n, "disk").Disk }},
		key{name: "idle_timeout_minutes", read: r.minutesInto(&c.Defaults.IdleTimeout, "idle_timeout_minutes")},
	)
}

func (r *reader) minutesInto(to *time.Duration, what string) func(ast.Node) {
	return func(n ast.Node) {
		if v, ok := r.number(n, what, 0, mostMinutes); ok {
			*to = time.Duration(v) * time.Minute
		}
	}
}

func (r *reader) marketInto(to *fleet.Market) func(ast.Node) {
	return func(n ast.Node) {
		var spot bool
		r.boolInto(&spot, "spot")(n)
		*to = fleet.OnDemand
		if spot {
			*to = fleet.Spot
		}
	}
}

func (r *reader) environments(n ast.Node, c *Config) {
	taken, defaults := newNames("environment"), 0
	r.each(n, "environments", func(item ast.Node) {
		var e Environment
		at := r.mapping(
			item, "an environment",
			key{name: "name", read: r.textInto(&e.Name, "name")},
			key{name: "default", read: r.boolInto(&e.Default, "default")},
			key{name: "regions", read: r.textsInto(&e.Regions, "regions")},
			key{name: "max_runners", read: r.numberInto(&e.MaxRunners, "max_runners", 1)},
			key{name: "private", read: r.boolInto(&e.Private, "private")},
			key{name: "repositories", unused: true},
			key{name: "runner_group", unused: true},
			key{name: "subnets", unused: true},
			key{name: "instance_profile", unused: true},
			key{name: "tags", unused: true},
			key{name: "budget", unused: true},
		)
		r.name(taken, e.Name, or(at, "name", item))
		if e.Default {
			if defaults++; defaults > 1 {
				r.fail(at["default"], "another environment is the default already")
			}
		}
		c.Environments = append(c.Environments, e)
	})
	if len(c.Environments) > 1 && defaults == 0 {
		r.report(Error, n, "none of the environments is the default", "write default: true into one")
	}
}

func (r *reader) images(n ast.Node, c *Config) {
	taken := newNames("image")
	r.each(n, "images", func(item ast.Node) {
		var i Image
		at := r.mapping(
			item, "an image",
			key{name: "name", read: r.textInto(&i.Name, "name")},
			key{name: "os", read: func(n ast.Node) { i.OS = r.spec(n, "os").OS }},
			key{name: "arch", read: func(n ast.Node) {
				if archs := r.spec(n, "arch").Archs; len(archs) == 1 {
					i.Arch = archs[0]
				}
			}},
			key{name: "ami", unused: true},
			key{name: "filter", unused: true},
			key{name: "bootstrap", unused: true},
		)
		r.name(taken, i.Name, or(at, "name", item))
		c.Images = append(c.Images, i)
	})
}
