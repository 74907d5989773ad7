package awsfault

import (
	"cmp"
	"maps"
	"slices"
)

// Counts are calls by what they were, and faults by kind and service.
type Counts struct {
	Calls  map[Operation]int
	Faults map[Kind]map[string]int
}

// Plus adds others, of another transport.
func (c Counts) Plus(other Counts) Counts {
	out := Counts{}
	out.add(c.Calls, c.Faults)
	out.add(other.Calls, other.Faults)
	return out
}

func (c *Counts) add(calls map[Operation]int, faults map[Kind]map[string]int) {
	if c.Calls == nil {
		c.Calls, c.Faults = map[Operation]int{}, map[Kind]map[string]int{}
	}
	for o, n := range calls {
		c.Calls[o] += n
	}
	for k, by := range faults {
		if c.Faults[k] == nil {
			c.Faults[k] = map[string]int{}
		}
		for service, n := range by {
			c.Faults[k][service] += n
		}
	}
}

// Services lists the services that were called.
func (c Counts) Services() []string {
	seen := map[string]bool{}
	for o := range c.Calls {
		seen[o.Service] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Operations lists the calls of a service by name.
func (c Counts) Operations(service string) []Operation {
	var out []Operation
	for o := range c.Calls {
		if o.Service == service {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Operation) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// CallsOf is how many calls a service had, CallsOf("") all.
func (c Counts) CallsOf(service string) int {
	sum := 0
	for o, n := range c.Calls {
		if service == "" || o.Service == service {
			sum += n
		}
	}
	return sum
}

// FaultsOf is how many of them failed or were slow by a fault.
func (c Counts) FaultsOf(service string) int {
	sum := 0
	for _, by := range c.Faults {
		for s, n := range by {
			if service == "" || s == service {
				sum += n
			}
		}
	}
	return sum
}
