package awssim

import (
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type describeTemplates struct {
	dry
	filtered
	paged
	IDs   []string `form:"LaunchTemplateId"`
	Names []string `form:"LaunchTemplateName"`
}

type templatesAnswer struct {
	Templates []templateItem `xml:"launchTemplates>item"`
	Next      string         `xml:"nextToken,omitempty"`
}

func templateFields() fields[*template] {
	return fields[*template]{
		of: map[string]func(*template) []string{
			"create-time":          one(func(t *template) string { return query.Stamp(t.created) }),
			"launch-template-name": one(func(t *template) string { return t.name }),
		},
		tags: func(t *template) map[string]string { return t.tags },
	}
}

// describeTemplates is the action DescribeLaunchTemplates. A template that is named and does not exist is an error (page
// "API_DescribeLaunchTemplates").
func (r request) describeTemplates(p describeTemplates) (any, error) {
	if err := templateFields().check(r, p.Filters); err != nil {
		return nil, err
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := r.templatesOf(p)
	if err != nil {
		return nil, err
	}
	items, next, err := page(r, pages{1, 200, 200}, p.paged, all, (*template).key)
	if err != nil {
		return nil, err
	}
	answer := templatesAnswer{Next: next}
	for _, t := range items {
		answer.Templates = append(answer.Templates, r.templateItem(t))
	}
	return answer, nil
}

func (r request) templatesOf(p describeTemplates) ([]*template, error) {
	var all []*template
	for _, id := range p.IDs {
		t, err := r.template(templateRef{ID: id})
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	for _, name := range p.Names {
		t, err := r.template(templateRef{Name: name})
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	if len(p.IDs)+len(p.Names) == 0 {
		for _, t := range r.in.templates {
			all = append(all, t)
		}
	}
	var kept []*template
	for _, t := range all {
		if templateFields().matches(t, p.Filters) {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

type describeVersions struct {
	dry
	filtered
	paged
	templateRef
	Versions []string `form:"LaunchTemplateVersion"`
	Min      *int     `form:"MinVersion"`
	Max      *int     `form:"MaxVersion"`
	Resolve  bool     `form:"ResolveAlias"`
}

type versionsAnswer struct {
	Versions []versionItem `xml:"launchTemplateVersionSet>item"`
	Next     string        `xml:"nextToken,omitempty"`
}

func versionFields() fields[*version] {
	return fields[*version]{of: map[string]func(*version) []string{
		"create-time":        one(func(v *version) string { return query.Stamp(v.created) }),
		"image-id":           one(func(v *version) string { return v.data.ImageID }),
		"instance-type":      one(func(v *version) string { return v.data.InstanceType }),
		"is-default-version": one(func(v *version) string { return strconv.FormatBool(v.number == v.template.base) }),
		"http-tokens": one(func(v *version) string {
			if v.data.Metadata == nil {
				return ""
			}
			return v.data.Metadata.Tokens
		}),
	}}
}

// describeVersions is the action DescribeLaunchTemplateVersions. Without a template it tells of the latest or default
// versions of all (page "API_DescribeLaunchTemplateVersions").
func (r request) describeVersions(p describeVersions) (any, error) {
	if err := versionFields().check(r, p.Filters); err != nil {
		return nil, err
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := r.versionsOf(p)
	if err != nil {
		return nil, err
	}
	var kept []*version
	for _, v := range all {
		if versionFields().matches(v, p.Filters) && (p.Min == nil || v.number >= *p.Min) && (p.Max == nil || v.number <= *p.Max) {
			kept = append(kept, v)
		}
	}
	items, next, err := page(r, pages{1, 200, 200}, p.paged, kept, (*version).key)
	if err != nil {
		return nil, err
	}
	answer := versionsAnswer{Next: next}
	for _, v := range items {
		answer.Versions = append(answer.Versions, r.versionItem(v))
	}
	return answer, nil
}

func (r request) versionsOf(p describeVersions) ([]*version, error) {
	var of []*template
	named := p.ID != "" || p.Name != ""
	if named {
		t, err := r.template(p.templateRef)
		if err != nil {
			return nil, err
		}
		if len(p.Versions) == 0 {
			return append([]*version(nil), t.versions...), nil
		}
		of = append(of, t)
	} else {
		if len(p.Versions) == 0 {
			return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter LaunchTemplateVersion, LaunchTemplateId or LaunchTemplateName")
		}
		for _, t := range r.in.templates {
			of = append(of, t)
		}
	}
	var all []*version
	for _, t := range of {
		for _, wanted := range p.Versions {
			if !named && wanted != "$Latest" && wanted != "$Default" {
				return nil, r.refuse(sim.CodeInvalidParameter, "Only $Latest and $Default are versions of all launch templates.")
			}
			v, err := r.version(t, wanted)
			if err != nil {
				return nil, err
			}
			if !contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all, nil
}

func contains[T comparable](all []T, t T) bool {
	_, ok := found(all, func(o T) bool { return o == t })
	return ok
}
