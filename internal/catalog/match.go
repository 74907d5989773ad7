package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Candidate is a type that satisfies a spec.
type Candidate struct {
	Type
	// PricePerHour is what the candidates are ordered by: US dollars in the result's market, the licence for Windows
	// included.
	PricePerHour float64 `json:"price_per_hour"`
}

// LeftOut is a type that does not satisfy a spec. Types that fail for one reason share Requirement and Reason.
type LeftOut struct {
	Type        string `json:"type"`
	Requirement string `json:"requirement"` // as a label writes it (arch=amd64), or the name of a default
	Reason      string `json:"reason"`
}

// Group is the types left out for one reason.
type Group struct {
	Requirement string   `json:"requirement"`
	Reason      string   `json:"reason"`
	Types       []string `json:"types"` // by name
}

// Result says which types satisfy a spec. Every type of the catalogue is in Candidates or in LeftOut, exactly once.
type Result struct {
	// Market is the one that prices are of: the spec's, else spot, the usual choice of a configuration.
	Market     fleet.Market `json:"market"`
	Candidates []Candidate  `json:"candidates"` // in the order in which they are tried: cheapest first
	LeftOut    []LeftOut    `json:"left_out"`   // in the order of the requirements, then by name
	// Defaults are the rules that applied because the spec leaves something open, each one sentence.
	Defaults []string `json:"defaults"`
}

// Groups gathers what was left out by reason, in the order of the requirements.
func (r Result) Groups() []Group {
	var groups []Group
	for _, l := range r.LeftOut {
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Requirement == l.Requirement && g.Reason == l.Reason })
		if i < 0 {
			groups = append(groups, Group{Requirement: l.Requirement, Reason: l.Reason})
			i = len(groups) - 1
		}
		groups[i].Types = append(groups[i].Types, l.Type)
	}
	return groups
}

// Match decides which types satisfy the spec. If none does the error is an *ImpossibleError and the result still says
// why each was left out.
func (c Catalog) Match(spec fleet.Spec) (Result, error) {
	res := Result{Market: spec.Market, Candidates: []Candidate{}, LeftOut: []LeftOut{}, Defaults: []string{}}
	if res.Market == fleet.AnyMarket {
		res.Market = fleet.Spot
	}
	left := c.types
	for _, req := range requirements(spec) {
		if req.isDefault {
			res.Defaults = append(res.Defaults, req.sentence)
		}
		kept := res.apply(req, left)
		if len(kept) == 0 {
			return res, impossible(req, left, spec, c)
		}
		left = kept
	}
	for _, t := range left {
		res.Candidates = append(res.Candidates, Candidate{t, t.Price(res.Market, spec.OS)})
	}
	slices.SortFunc(res.Candidates, cheapestFirst)
	res.oneArchitecture()
	if ordinary(spec) {
		res.dropDear()
	}
	return res, nil
}

// apply separates the types that meet the requirement from the rest.
func (r *Result) apply(req requirement, types []Type) []Type {
	var kept []Type
	for _, t := range types {
		reason := req.refuses(t)
		if reason == "" {
			kept = append(kept, t)
			continue
		}
		r.LeftOut = append(r.LeftOut, LeftOut{t.Name, req.name, reason})
	}
	return kept
}

// cheapestFirst orders by price, then newest generation, then most vCPU, then most memory, then name.
func cheapestFirst(a, b Candidate) int {
	return cmp.Or(
		cmp.Compare(a.PricePerHour, b.PricePerHour),
		cmp.Compare(b.Generation, a.Generation),
		cmp.Compare(b.VCPU, a.VCPU),
		cmp.Compare(b.MemoryGiB, a.MemoryGiB),
		strings.Compare(a.Name, b.Name),
	)
}

// oneArchitecture keeps the architecture of the cheapest candidate: one launch has one machine image.
func (r *Result) oneArchitecture() {
	arch := r.Candidates[0].Arch
	if !slices.ContainsFunc(r.Candidates, func(c Candidate) bool { return c.Arch != arch }) {
		return
	}
	r.Defaults = append(r.Defaults, "Of the architectures that will do, the one with the cheapest type is taken: "+string(arch)+".")
	r.leaveOut("arch", "the cheapest type is "+string(arch)+", and one launch has one architecture",
		func(c Candidate) bool { return c.Arch != arch })
}

// dearest is how many times the cheapest price a candidate may cost, unless its family was asked for.
const dearest = 2

// dropDear drops candidates that cost more than twice the cheapest.
func (r *Result) dropDear() {
	limit := dearest * r.Candidates[0].PricePerHour
	r.Defaults = append(r.Defaults, "Types dearer than twice the cheapest are left out.")
	r.leaveOut("price", "it costs more than twice the cheapest", func(c Candidate) bool { return c.PricePerHour > limit })
}

func (r *Result) leaveOut(requirement, reason string, drop func(Candidate) bool) {
	var names []string
	r.Candidates = slices.DeleteFunc(r.Candidates, func(c Candidate) bool {
		if drop(c) {
			names = append(names, c.Name)
			return true
		}
		return false
	})
	slices.Sort(names)
	for _, n := range names {
		r.LeftOut = append(r.LeftOut, LeftOut{n, requirement, reason})
	}
}
