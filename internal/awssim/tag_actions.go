package awssim

import (
	"maps"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type changeTags struct {
	dry
	IDs  []string    `form:"ResourceId"`
	Tags []changeTag `form:"Tag"`
}

// changeTag is a tag; a missing value matters to DeleteTags.
type changeTag struct {
	Key   string  `form:"Key"`
	Value *string `form:"Value"`
}

type done struct {
	Return bool `xml:"return"`
}

// maxTagged is how many resources one call may tag (page "API_CreateTags").
const maxTagged = 1000

// kinds sorts ids by the kind of resource.
func (r request) kinds(ids []string) (instances, templates []string, err error) {
	if len(ids) == 0 {
		return nil, nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter ResourceId")
	}
	if len(ids) > maxTagged {
		return nil, nil, r.refuse(sim.CodeInvalidParameter, "the request names %d resources; at most %d are allowed", len(ids), maxTagged)
	}
	for _, id := range ids {
		prefix, _, _ := strings.Cut(id, "-")
		switch {
		case !hasForm(id, prefix):
			return nil, nil, r.refuse(codeInvalidID, "The ID '%s' is not valid", id)
		case prefix == "i":
			instances = append(instances, id)
		case prefix == "lt":
			templates = append(templates, id)
		default:
			return nil, nil, r.refuse(codeNotSimulated, "the simulator does not know how to tag %s", id)
		}
	}
	return instances, templates, nil
}

// createTags is the action CreateTags, on instances and launch templates (page "API_CreateTags").
func (r request) createTags(p changeTags) (any, error) {
	var list []tag
	for _, t := range p.Tags {
		value := ""
		if t.Value != nil {
			value = *t.Value
		}
		list = append(list, tag{t.Key, value})
	}
	if len(list) == 0 {
		return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter Tag")
	}
	tags, err := tagMap(r, list)
	if err != nil {
		return nil, err
	}
	return r.retag(p, func(ids []string) error { return r.cloud.CreateTags(r, r.in.name, ids, tags) },
		func(has map[string]string) { maps.Copy(has, tags) })
}

// deleteTags is the action DeleteTags. It wants tags: without any it would take them all (page "API_DeleteTags").
func (r request) deleteTags(p changeTags) (any, error) {
	if len(p.Tags) == 0 {
		return nil, r.refuse(codeNotSimulated, "the simulator does not delete all tags of a resource at once")
	}
	tags := map[string]*string{}
	for _, t := range p.Tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, r.refuse(sim.CodeInvalidParameter, "Tag keys starting with 'aws:' are reserved for internal use")
		}
		tags[t.Key] = t.Value
	}
	return r.retag(p, func(ids []string) error { return r.cloud.DeleteTags(r, r.in.name, ids, tags) },
		func(has map[string]string) {
			for k, v := range tags {
				if v == nil || has[k] == *v {
					delete(has, k)
				}
			}
		})
}

func (r request) retag(p changeTags, instances func([]string) error, ofTemplate func(map[string]string)) (any, error) {
	machines, templates, err := r.kinds(p.IDs)
	if err != nil {
		return nil, err
	}
	if p.DryRun || len(machines) == 0 {
		if err := r.cloud.Call(r, r.in.name, r.action, true); err != nil {
			return nil, err
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := map[*template]map[string]string{}
	for _, id := range templates {
		t, err := r.template(templateRef{ID: id})
		if err != nil {
			return nil, err
		}
		tags := map[string]string{}
		maps.Copy(tags, t.tags)
		ofTemplate(tags)
		if err := sim.CheckTags(r.action, tags); err != nil {
			return nil, err
		}
		changed[t] = tags
	}
	if len(machines) > 0 {
		if err := instances(machines); err != nil {
			return nil, err
		}
	}
	for t, tags := range changed {
		t.tags = tags
	}
	return done{true}, nil
}
