package label

import (
	"fmt"
	"slices"
	"strings"
)

// takeFamily reads families, prefixes, wildcards and exact types.
func (r *request) takeFamily(seg segment) *fault {
	var families []string
	for part := range strings.SplitSeq(seg.value, "+") {
		p := lower(part)
		if !familyForm(p) {
			suggestion := "write families (c7g+m7g), a prefix (c7), a wildcard (m7i.*) or an exact type (c7g.large)"
			if strings.ContainsAny(part, ",;|") {
				suggestion = "several families are joined with +, as in family=c7g+m7g"
			}
			return &fault{seg, fmt.Sprintf("%q is no instance family", part), suggestion}
		}
		families = append(families, p)
	}
	r.spec.Families = normalFamilies(families)
	return nil
}

// familyForm accepts a letter, then letters, digits, dashes and stars, with at most one dot that has something on both sides.
func familyForm(p string) bool {
	if p == "" || p[0] < 'a' || p[0] > 'z' {
		return false
	}
	if strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789-*.") != "" {
		return false
	}
	family, size, dotted := strings.Cut(p, ".")
	return family != "" && (!dotted || size != "") && !strings.Contains(size, ".")
}

// exactType is true of a whole instance type, such as c7g.large.
func exactType(p string) bool { return strings.Contains(p, ".") && !strings.Contains(p, "*") }

// normalFamilies sorts the patterns and drops those that another one includes, so that equal meanings are equal.
func normalFamilies(patterns []string) []string {
	var all []string
	for _, p := range patterns {
		p = lower(p)
		if !strings.Contains(p, ".") {
			p = strings.TrimRight(p, "*") // c7* is the prefix c7
		}
		all = append(all, p)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(slices.Clone(all), func(p string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != p && includes(other, p) })
	})
}

// includes says whether every type that b matches is matched by a: a prefix, or all sizes of one family.
func includes(a, b string) bool {
	if strings.Contains(a, "*") {
		family, size, _ := strings.Cut(a, ".")
		other, _, dotted := strings.Cut(b, ".")
		return size == "*" && !strings.Contains(family, "*") && dotted && other == family
	}
	return !strings.Contains(a, ".") && strings.HasPrefix(b, a)
}
