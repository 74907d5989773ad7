package awssim

import (
	"maps"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// tag is a tag on the wire.
type tag struct {
	Key   string `form:"Key" xml:"key"`
	Value string `form:"Value" xml:"value"`
}

// tagsFor are the tags of one kind of resource.
type tagsFor struct {
	Kind string `form:"ResourceType" xml:"resourceType"`
	Tags []tag  `form:"Tag" xml:"tagSet>item"`
}

// tagsOn are the tags that a request puts on what it creates, by the kind of resource.
type tagsOn map[string]map[string]string

// readTags checks tag specifications: kinds that the action can tag, each once, and tags that EC2 takes (page "Using_Tags").
func readTags(r request, all []tagsFor, kinds ...string) (tagsOn, error) {
	on := tagsOn{}
	for _, f := range all {
		if !slices.Contains(kinds, f.Kind) {
			return nil, r.refuse(sim.CodeInvalidParameter, "'%s' is not a valid taggable resource type for this operation.", f.Kind)
		}
		if _, twice := on[f.Kind]; twice {
			return nil, r.refuse(sim.CodeInvalidParameter, "Tag specification resource type must be unique: '%s'", f.Kind)
		}
		tags, err := tagMap(r, f.Tags)
		if err != nil {
			return nil, err
		}
		on[f.Kind] = tags
	}
	return on, nil
}

// tagMap refuses a key that comes twice, and what the cloud refuses.
func tagMap(r request, list []tag) (map[string]string, error) {
	tags := map[string]string{}
	for _, t := range list {
		if _, twice := tags[t.Key]; twice {
			return nil, r.refuse(sim.CodeInvalidParameter, "Duplicate tag key '%s' specified.", t.Key)
		}
		tags[t.Key] = t.Value
	}
	if err := sim.CheckTags(r.action, tags); err != nil {
		return nil, err
	}
	return tags, nil
}

// tagList is the tags in the order of their keys.
func tagList(tags map[string]string) []tag {
	var list []tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{k, tags[k]})
	}
	return list
}
