package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// requirement is one thing that a spec, or a default, asks of a type.
type requirement struct {
	name      string // as a label writes it, or the default's name
	isDefault bool
	sentence  string            // of a default
	refuses   func(Type) string // the reason why the type will not do, empty if it does
}

// unless makes a requirement of a condition and one reason for all types that fail it.
func unless(name, reason string, holds func(Type) bool) requirement {
	return requirement{name: name, refuses: func(t Type) string {
		if holds(t) {
			return ""
		}
		return reason
	}}
}

// byDefault marks a requirement that the spec does not ask for.
func byDefault(sentence string, r requirement) requirement {
	r.isDefault, r.sentence = true, sentence
	return r
}

// Defaults of a spec that names no family. failure modes D10, D11: cheap offers are otherwise huge, tiny or throttled.
const (
	oldestGeneration = 6 // of the usual families
	minGiBPerVCPU    = 2
)

// ordinary is true of a spec that leaves the family open.
func ordinary(s fleet.Spec) bool { return len(s.Families) == 0 && s.InstanceType == "" }

// requirements lists what the spec asks, the author's own wishes first, so that the one that removes the last type is
// the one to talk about.
func requirements(s fleet.Spec) []requirement {
	var all []requirement
	if s.InstanceType != "" {
		all = append(all, unless("instance_type="+s.InstanceType, "it is not the type that the runner names",
			func(t Type) bool { return t.Name == s.InstanceType }))
	}
	if len(s.Families) > 0 {
		all = append(all, unless("family="+strings.Join(s.Families, "+"), "its family was not asked for",
			func(t Type) bool { return matchesAny(s.Families, t) }))
	} else if s.InstanceType == "" {
		all = append(all, usualFamilies(s)...)
	}
	if s.Generation > 0 {
		all = append(all, unless(fmt.Sprintf("gen=%d", s.Generation), "it is of another generation",
			func(t Type) bool { return t.Generation == s.Generation }))
	}
	all = append(all, platform(s)...)
	all = append(all, sizes(s)...)
	return append(all, special(s)...)
}

func platform(s fleet.Spec) []requirement {
	var all []requirement
	if s.OS == fleet.Windows {
		all = append(all, unless("os=windows", "there is no Windows for arm64", func(t Type) bool { return t.Arch == fleet.AMD64 }))
	}
	if len(s.Archs) > 0 {
		var names []string
		for _, a := range s.Archs {
			names = append(names, string(a))
		}
		all = append(all, requirement{name: "arch=" + strings.Join(names, "+"), refuses: func(t Type) string {
			if slices.Contains(s.Archs, t.Arch) {
				return ""
			}
			return "its architecture is " + string(t.Arch)
		}})
	}
	return all
}

func sizes(s fleet.Spec) []requirement {
	var all []requirement
	if s.CPU.Min > 0 {
		all = append(all, unless("cpu="+rangeText(s.CPU), fmt.Sprintf("it has fewer than %d vCPU", s.CPU.Min),
			func(t Type) bool { return t.VCPU >= s.CPU.Min }))
	}
	if s.CPU.Max > 0 { // failure mode D10
		all = append(all, unless("cpu="+rangeText(s.CPU), fmt.Sprintf("it has more than %d vCPU", s.CPU.Max),
			func(t Type) bool { return t.VCPU <= s.CPU.Max }))
	}
	if s.RAM.Min > 0 {
		all = append(all, unless("ram="+rangeText(s.RAM), fmt.Sprintf("it has less than %d GiB of memory", s.RAM.Min),
			func(t Type) bool { return t.MemoryGiB >= float64(s.RAM.Min) }))
	}
	if s.RAM.Max > 0 {
		all = append(all, unless("ram="+rangeText(s.RAM), fmt.Sprintf("it has more than %d GiB of memory", s.RAM.Max),
			func(t Type) bool { return t.MemoryGiB <= float64(s.RAM.Max) }))
	}
	return all
}

func rangeText(r fleet.Range) string {
	if r.Max == 0 {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d+%d", r.Min, r.Max)
}

// usualFamilies are the defaults of a spec that names no family.
func usualFamilies(s fleet.Spec) []requirement {
	all := []requirement{
		byDefault("Only the families c, m and r are considered, since none is named.",
			unless("usual families", "it is not of the families c, m and r; name it with family=", func(t Type) bool {
				return strings.Contains("cmr", t.Name[:1]) && !t.GPU
			})),
		byDefault(fmt.Sprintf("Types with less than %d GiB of memory for each vCPU are left out.", minGiBPerVCPU), // failure mode D11
			unless("memory for each vCPU", fmt.Sprintf("it has less than %d GiB of memory for each vCPU", minGiBPerVCPU),
				func(t Type) bool { return t.MemoryGiB >= minGiBPerVCPU*float64(t.VCPU) })),
	}
	if s.Generation == 0 {
		all = append(all, byDefault(fmt.Sprintf("Only generation %d and later is considered, since none is named.", oldestGeneration),
			unless("recent generations", fmt.Sprintf("its generation is older than %d; name it with family= or gen=", oldestGeneration),
				func(t Type) bool { return t.Generation >= oldestGeneration })))
	}
	return all
}

// special leaves out kinds of types that only a name asks for: burstable ones, which are throttled when their credits
// are used up, by their family (t3); bare metal, which boots for minutes, by its size (c7g.metal).
func special(s fleet.Spec) []requirement {
	if s.InstanceType != "" {
		return nil
	}
	return []requirement{
		byDefault("Burstable types are left out, unless their family is named.", // failure mode D11
			unless("no burstable types", "it is burstable: throttled under load; name its family to have it", func(t Type) bool {
				return !t.Burstable || slices.ContainsFunc(s.Families, func(p string) bool { return strings.HasPrefix(p, "t") })
			})),
		byDefault("Bare metal is left out, unless its size is named.",
			unless("no bare metal", "it is bare metal, which boots for minutes; name its size to have it", func(t Type) bool {
				return !t.Metal || slices.ContainsFunc(s.Families, func(p string) bool { return strings.Contains(p, ".metal") && matches(p, t) })
			})),
	}
}

func matchesAny(patterns []string, t Type) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, t) })
}

// matches says whether a family pattern of a label matches: without a dot it is a prefix of the family, else it is the
// whole name; a star stands for anything.
func matches(pattern string, t Type) bool {
	name := t.Name
	if !strings.Contains(pattern, ".") {
		pattern, name = pattern+"*", t.Family()
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
