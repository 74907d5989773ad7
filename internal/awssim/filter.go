package awssim

import (
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// filter is a condition on resources: one of the values, in which * is any characters and ? is one (page "Using_Filtering").
type filter struct {
	Name   string   `form:"Name"`
	Values []string `form:"Value"`
}

// filtered is embedded by what can be filtered.
type filtered struct {
	Filters []filter `form:"Filter"`
}

// Bounds of a request (page "Using_Filtering").
const (
	maxFilters      = 50
	maxFilterValues = 200
)

// fields are what resources can be filtered by: the values that a resource has for the name of a filter.
type fields[T any] struct {
	of   map[string]func(T) []string
	tags func(T) map[string]string // nil without tags
}

// one makes a field of a single value, which may be missing.
func one[T any](of func(T) string) func(T) []string {
	return func(t T) []string {
		if v := of(t); v != "" {
			return []string{v}
		}
		return nil
	}
}

// check refuses filters that the action does not know.
func (f fields[T]) check(r request, filters []filter) error {
	if len(filters) > maxFilters {
		return r.refuse("FilterLimitExceeded", "the request has %d filters; at most %d are allowed", len(filters), maxFilters)
	}
	for _, want := range filters {
		_, known := f.of[want.Name]
		known = known || f.tags != nil && (want.Name == "tag-key" || strings.HasPrefix(want.Name, "tag:"))
		switch {
		case !known:
			return r.refuse(sim.CodeInvalidParameter, "The filter '%s' is invalid, or the simulator does not know it", want.Name)
		case len(want.Values) == 0:
			return r.refuse(sim.CodeInvalidParameter, "The filter '%s' has no value", want.Name)
		case len(want.Values) > maxFilterValues:
			return r.refuse("FilterLimitExceeded", "the filter '%s' has %d values; at most %d are allowed", want.Name, len(want.Values), maxFilterValues)
		}
	}
	return nil
}

// matches says whether a resource satisfies all of the filters.
func (f fields[T]) matches(t T, filters []filter) bool {
	for _, want := range filters {
		if !slices.ContainsFunc(f.values(t, want.Name), want.accepts) {
			return false
		}
	}
	return true
}

func (f fields[T]) values(t T, name string) []string {
	if of, ok := f.of[name]; ok {
		return of(t)
	}
	if name == "tag-key" {
		return slices.Collect(keysOf(f.tags(t)))
	}
	if v, ok := f.tags(t)[strings.TrimPrefix(name, "tag:")]; ok {
		return []string{v}
	}
	return nil
}

func keysOf(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// accepts says whether a value is one of the filter's.
func (f filter) accepts(value string) bool {
	return slices.ContainsFunc(f.Values, func(pattern string) bool { return like(pattern, value) })
}

// like matches a pattern with wildcards, which a backslash makes ordinary.
func like(pattern, value string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == value
	}
	// star is where the pattern goes on after the last *, and from is up to where that * has taken the value.
	p, v, star, from := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, from = p, v
		case p < len(pattern) && pattern[p] == '?':
			p, v = p+1, v+1
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == value[v]:
			p, v = p+2, v+1
		case p < len(pattern) && pattern[p] != '\\' && pattern[p] == value[v]:
			p, v = p+1, v+1
		case star >= 0:
			from++
			p, v = star, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
