package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// ImpossibleError says that no type satisfies a spec, and which requirement removed the last ones.
type ImpossibleError struct {
	Requirement string `json:"requirement"` // as a label writes it, or the name of a default
	// Key is the label's key that made the requirement, for pointing at its segment; empty for a default. The label may
	// lack the key: then its default, or its runner, made the requirement.
	Key        string   `json:"key,omitempty"`
	Removed    []string `json:"removed"` // the types that met every requirement before this one, smallest first
	Reason     string   `json:"reason"`
	Suggestion string   `json:"suggestion"`
}

// shown is how many of the removed types a message names.
const shown = 3

// Error names the requirement, the types that it removed, and the remedy.
func (e *ImpossibleError) Error() string {
	if len(e.Removed) == 0 {
		return fmt.Sprintf("no instance type satisfies %s: %s; %s", e.Requirement, e.Reason, e.Suggestion)
	}
	names, more := e.Removed, ""
	if len(names) > shown {
		names, more = names[:shown], fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return fmt.Sprintf("no instance type satisfies the label: %s removed the last ones (%s%s): %s; %s",
		e.Requirement, strings.Join(names, ", "), more, e.Reason, e.Suggestion)
}

// impossible explains that req refuses every type of left, which met all requirements before it.
func impossible(req requirement, left []Type, spec fleet.Spec, c Catalog) *ImpossibleError {
	e := &ImpossibleError{Requirement: req.name, Suggestion: "relax one of the label's requirements"}
	bySize := slices.Clone(left)
	slices.SortStableFunc(bySize, func(a, b Type) int { return cmp.Compare(a.VCPU, b.VCPU) })
	for _, t := range bySize {
		e.Removed = append(e.Removed, t.Name)
	}
	if len(left) > 0 {
		e.Reason = req.refuses(left[0])
	}
	key, _, isKey := strings.Cut(req.name, "=")
	if isKey {
		e.Key = key
	}
	switch key {
	case "instance_type":
		e.Key = "runner"
		e.Removed, e.Reason = nil, "the catalogue has no such type"
		e.Suggestion = "correct the runner in the fleet configuration" + c.similar([]string{spec.InstanceType})
	case "family":
		e.Removed, e.Reason = nil, "no type has such a name"
		e.Suggestion = "correct family" + c.similar(spec.Families)
	case "gen":
		e.Suggestion = "the types that are left are of generation " + distinct(left, func(t Type) float64 { return float64(t.Generation) })
	case "arch":
		e.Suggestion = "the types that are left are " + string(left[0].Arch) + ": add arch=" + string(left[0].Arch)
	case "os":
		e.Suggestion = "use os=linux, or families of amd64"
	case "cpu":
		e.Suggestion = "the types that are left have " + distinct(left, func(t Type) float64 { return float64(t.VCPU) }) + " vCPU"
	case "ram":
		e.Suggestion = "the types that are left have " + distinct(left, func(t Type) float64 { return t.MemoryGiB }) +
			" GiB of memory: change ram, or cpu, with which memory grows"
	default:
		e.Suggestion = "name the wanted types with family="
	}
	return e
}

// similar lists the families that begin with the same letter as one of the patterns.
func (c Catalog) similar(patterns []string) string {
	var families []string
	for _, t := range c.types {
		if slices.ContainsFunc(patterns, func(p string) bool { return p != "" && p[0] == t.Name[0] }) {
			families = append(families, t.Family())
		}
	}
	slices.Sort(families)
	families = slices.Compact(families)
	if len(families) == 0 {
		return ""
	}
	return "; the catalogue has " + strings.Join(families, ", ")
}

// distinct lists the different values of a figure, smallest first.
func distinct(types []Type, figure func(Type) float64) string {
	var values []float64
	for _, t := range types {
		values = append(values, figure(t))
	}
	slices.Sort(values)
	var texts []string
	for _, v := range slices.Compact(values) {
		texts = append(texts, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return strings.Join(texts, ", ")
}
