package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// worldTypes are what the campaign's labels can get: several types for each, of which the larger ones serve both sizes.
func worldTypes() []catalog.Type {
	of := func(name string, cpu int, memory, price float64) catalog.Type {
		const spot = 0.4 // of the price on demand
		return catalog.Type{
			Name: name, Generation: 7, VCPU: cpu, MemoryGiB: memory, Arch: fleet.AMD64, OnDemand: price, Spot: spot * price,
		}
	}
	return []catalog.Type{
		of("c7s.large", 2, 4, 0.09), of("m7s.large", 2, 8, 0.10), of("c7s.xlarge", 4, 8, 0.18), of("m7s.xlarge", 4, 16, 0.20),
		of("c7s.2xlarge", 8, 16, 0.36),
	}
}

// planTypes is how many of the types that satisfy a spec a forecast knows: the first to be tried.
const planTypes = 4

// typesOf are what the labels of a plan can get: of AWS's types those that would be tried first, and for a spec that none of
// them satisfies a machine of the user's own.
func typesOf(plan forecast.Plan) ([]catalog.Type, error) {
	known, err := catalog.Embedded()
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	var out []catalog.Type
	seen := map[string]bool{}
	for _, job := range plan.Jobs {
		set := labelSet(job.Labels)
		if seen[set] {
			continue
		}
		seen[set] = true
		meaning, err := label.Resolve(forecast.Written(job.Labels), label.Fleet{})
		if err != nil {
			continue // the fleet says so to the job
		}
		match, err := known.Match(meaning.Spec)
		var impossible *catalog.ImpossibleError
		switch {
		case errors.As(err, &impossible):
			out = append(out, own(meaning.Spec, len(seen)))
			continue
		case err != nil:
			return nil, fmt.Errorf("labels %s: %w", strings.Join(job.Labels, ", "), err)
		}
		for _, c := range match.Candidates[:min(planTypes, len(match.Candidates))] {
			if !slices.ContainsFunc(out, func(t catalog.Type) bool { return t.Name == c.Name }) {
				out = append(out, c.Type)
			}
		}
	}
	if len(out) == 0 {
		return worldTypes(), nil
	}
	return out, nil
}

// own is a type that is made for a spec. Its price is of no consequence.
func own(spec fleet.Spec, n int) catalog.Type {
	const (
		memoryPerCPU = 4
		newest       = 9
	)
	t := catalog.Type{
		Name: fmt.Sprintf("m9.own-%d", n), Generation: newest, VCPU: max(1, spec.CPU.Min), Arch: fleet.AMD64, OnDemand: 1, Spot: 1,
	}
	t.MemoryGiB = float64(max(spec.RAM.Min, memoryPerCPU*t.VCPU))
	if spec.RAM.Max > 0 {
		t.MemoryGiB = min(t.MemoryGiB, float64(spec.RAM.Max))
	}
	if spec.Generation > 0 {
		t.Generation = spec.Generation
	}
	if len(spec.Archs) > 0 {
		t.Arch = spec.Archs[0]
	}
	switch {
	case spec.InstanceType != "":
		t.Name = spec.InstanceType
	case len(spec.Families) > 0:
		family := strings.ReplaceAll(spec.Families[0], "*", "x")
		if t.Name = family; !strings.Contains(family, ".") {
			t.Name += fmt.Sprintf(".own-%d", n)
		}
	}
	return t
}
