package label

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// builtinRunner is a runner that every fleet has: 4cpu-linux-arm64, 8cpu-windows-x64.
const builtinRunner = `^([0-9]+)cpu-(linux|windows)-(amd64|x64|x86_64|x86-64|arm64|aarch64)$`

// takeRunner notes the runner; its values are laid under those of the label once all segments are read, so that their
// order does not matter. A configured runner hides a built-in form of the same name.
func (r *request) takeRunner(seg segment) *fault {
	if name, ok := lookup(seg.value, keysOf(r.fleet.Runners)); ok {
		r.runner = name
		return nil
	}
	_, ok, ft := builtin(seg)
	if ok || ft != nil {
		return ft
	}
	return unconfigured(seg, "runner", keysOf(r.fleet.Runners), "built-in forms such as runner=4cpu-linux-arm64 work")
}

// builtin reads a built-in form; ok is false if it is none.
func builtin(seg segment) (fleet.Spec, bool, *fault) {
	m := regexp.MustCompile(builtinRunner).FindStringSubmatch(lower(seg.value))
	if m == nil {
		return fleet.Spec{}, false, nil
	}
	cpu, err := number(m[1])
	if err != nil || cpu < 1 || cpu > MaxCPU {
		return fleet.Spec{}, false, &fault{
			seg, fmt.Sprintf("%q is no number of vCPU", m[1]),
			fmt.Sprintf("a built-in runner has 1 to %d", MaxCPU),
		}
	}
	arch, _ := archNamed(m[3])
	return fleet.Spec{CPU: bounded(fleet.Range{Min: cpu}), OS: fleet.OS(m[2]), Archs: []fleet.Arch{arch}}, true, nil
}

// overRunner lays what the label says over the values of its runner. A key of the label replaces the value of a
// configured runner. It may not contradict what the runner's name or its exact instance type says.
func (r *request) overRunner() (fleet.Spec, *fault) {
	seg, ok := r.given["runner"]
	if !ok {
		return r.spec, nil
	}
	var base fleet.Spec
	fixed := []string{"cpu", "os", "arch"} // by the name of a built-in form
	if r.runner != "" {
		base = normal(r.fleet.Runners[r.runner].Spec)
		fixed = nil
		if base.InstanceType != "" {
			fixed = []string{"cpu", "ram", "family", "gen", "arch"}
		}
	} else {
		built, _, ft := builtin(seg)
		if ft != nil {
			return fleet.Spec{}, ft
		}
		base = built
	}
	for _, key := range fixed {
		if ft := r.contradiction(key, seg, base); ft != nil {
			return fleet.Spec{}, ft
		}
	}
	return overlay(base, r.spec, r.gives), nil
}

// contradiction refuses a key that says something else than the runner; one that repeats it is harmless.
func (r *request) contradiction(key string, runner segment, base fleet.Spec) *fault {
	seg, given := r.given[key]
	if !given {
		return nil
	}
	switch key {
	case "cpu":
		given = r.spec.CPU != base.CPU
	case "os":
		given = r.spec.OS != base.OS
	case "arch":
		given = !slices.Equal(r.spec.Archs, base.Archs)
	case "family":
		given = !slices.Equal(r.spec.Families, []string{base.InstanceType})
	default: // an exact type says nothing of ram and gen that could be compared here
	}
	if !given {
		return nil
	}
	what := "its name fixes that"
	if base.InstanceType != "" {
		what = "it is exactly the instance type " + base.InstanceType
	}
	return &fault{
		seg, fmt.Sprintf("it contradicts %q: %s", runner.text, what),
		"remove one of the two segments",
	}
}

// overlay replaces the fields of base whose key the label gives.
func overlay(base, written fleet.Spec, gives func(string) bool) fleet.Spec {
	replace := map[string]func(){
		"cpu":     func() { base.CPU = written.CPU },
		"ram":     func() { base.RAM = written.RAM },
		"family":  func() { base.Families = written.Families },
		"gen":     func() { base.Generation = written.Generation },
		"arch":    func() { base.Archs = written.Archs },
		"os":      func() { base.OS = written.OS },
		"image":   func() { base.Image = written.Image },
		"disk":    func() { base.Disk = written.Disk },
		"spot":    func() { base.Market = written.Market },
		"region":  func() { base.Regions = written.Regions },
		"private": func() { base.Private = written.Private },
	}
	if base.InstanceType != "" {
		delete(replace, "family") // it repeats the type
	}
	for key, apply := range replace {
		if gives(key) {
			apply()
		}
	}
	base.Pool = written.Pool
	return base
}

// normal brings a configured runner into the form that labels have.
func normal(s fleet.Spec) fleet.Spec {
	s.CPU = bounded(s.CPU)
	s.InstanceType = lower(s.InstanceType)
	s.Families = normalFamilies(s.Families)
	s.Archs = sortedArchs(s.Archs)
	s.Regions = slices.Clone(s.Regions)
	s.Pool = ""
	if s.InstanceType != "" {
		s.CPU, s.RAM, s.Families, s.Generation = fleet.Range{}, fleet.Range{}, nil, 0
		if len(s.Archs) == 0 {
			s.Archs = []fleet.Arch{archOfType(s.InstanceType)}
		}
	}
	if len(s.Families) == 0 {
		s.Families = nil
	}
	if len(s.Archs) == 0 {
		s.Archs = nil
	}
	return s
}
