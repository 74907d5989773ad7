package label

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// request is what a label says, before the defaults.
type request struct {
	fleet       Fleet
	marker      segment            // empty for an alias
	given       map[string]segment // by key
	spec        fleet.Spec
	environment string
	runner      string // of the configuration; empty: none or a built-in form
	max         time.Duration
	retry       fleet.Retry
}

// blame returns the first of the keys that the label gives, else its marker.
func (r *request) blame(keys ...string) segment {
	for _, k := range keys {
		if seg, ok := r.given[k]; ok {
			return seg
		}
	}
	return r.marker
}

func (r *request) gives(key string) bool {
	_, ok := r.given[key]
	return ok
}

// resolve adds the runner's values and the defaults to what the label says.
func (r *request) resolve() (fleet.Resolved, *fault) {
	spec, ft := r.overRunner()
	if ft != nil {
		return fleet.Resolved{}, ft
	}
	if spec.CPU == (fleet.Range{}) && !namesTypes(spec) {
		spec.CPU = bounded(fleet.Range{Min: DefaultCPU})
	}
	if ft := r.platform(&spec); ft != nil {
		return fleet.Resolved{}, ft
	}
	env := r.fleet.environment(r.environment)
	if ft := r.place(&spec, env); ft != nil {
		return fleet.Resolved{}, ft
	}
	res := fleet.Resolved{Environment: env.Name, Spec: spec, MaxRuntime: r.max, Retry: r.retry}
	if res.MaxRuntime == 0 {
		res.MaxRuntime = fleet.DefaultMaxRuntime
	}
	if res.Retry == "" {
		res.Retry = fleet.RetryWhenInterrupted
	}
	return res, nil
}

// DefaultCPU is the number of vCPU of a job that asks for none; as always up to twice as many will do.
const DefaultCPU = 2

// namesTypes says whether the spec names whole instance types only, which already fixes the number of vCPU.
func namesTypes(spec fleet.Spec) bool {
	if spec.InstanceType != "" {
		return true
	}
	return len(spec.Families) > 0 && !slices.ContainsFunc(spec.Families, func(p string) bool { return !exactType(p) })
}

// place settles regions and subnets, which depend on the environment.
func (r *request) place(spec *fleet.Spec, env Environment) *fault {
	if seg := r.given["region"]; env.Regions != nil && r.gives("region") {
		for i, region := range spec.Regions {
			name, ok := lookup(region, env.Regions)
			if !ok {
				return &fault{
					seg, fmt.Sprintf("environment %s has no region %q", env.Name, region),
					r.suggestRegion(region, env),
				}
			}
			spec.Regions[i] = name
		}
	}
	if seg := r.given["private"]; r.gives("private") && env.Private && !spec.Private {
		return &fault{
			seg, fmt.Sprintf("the machines of environment %s are in private subnets only", env.Name),
			"leave private out",
		}
	}
	spec.Private = spec.Private || env.Private
	return nil
}

func (r *request) suggestRegion(region string, env Environment) string {
	all := "its regions are " + list(env.Regions)
	if near, ok := closest(region, env.Regions); ok {
		return fmt.Sprintf("did you mean %s? (%s)", near, all)
	}
	return all
}

// awsRegion is the form of AWS's region names, GovCloud and China included.
const awsRegion = `^[a-z]{2,3}(-[a-z]+){1,2}-[0-9]{1,2}$`

// takeRegion reads an ordered list. A region that is repeated counts where it stands first.
func (r *request) takeRegion(seg segment) *fault {
	form := regexp.MustCompile(awsRegion)
	var regions []string
	for part := range strings.SplitSeq(seg.value, "+") {
		region := lower(part)
		_, configured := lookup(region, r.fleet.regions())
		if !configured && !form.MatchString(region) {
			return &fault{seg, fmt.Sprintf("%q is no region", part), "write one, or several in order of preference: region=us-east-1+us-west-2"}
		}
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	r.spec.Regions = regions
	return nil
}

// regions are those of all environments.
func (f Fleet) regions() []string {
	var all []string
	for _, e := range f.Environments {
		all = append(all, e.Regions...)
	}
	return all
}

// environments are those configured, else the default one alone.
func (f Fleet) environments() []Environment {
	if len(f.Environments) > 0 {
		return f.Environments
	}
	name := f.DefaultEnvironment
	if name == "" {
		name = fleet.DefaultEnvironment
	}
	return []Environment{{Name: name}}
}

// environment returns the one that is named, else the default.
func (f Fleet) environment(name string) Environment {
	if name == "" {
		name = f.DefaultEnvironment
	}
	envs := f.environments()
	for _, e := range envs {
		if e.Name == name {
			return e
		}
	}
	return envs[0]
}
