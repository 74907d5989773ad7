package sim

import (
	"context"
	"maps"
)

// actions on tags.
const (
	actionTag   = "CreateTags"
	actionUntag = "DeleteTags"
)

// CreateTags sets tags of instances, of all or of none (page "API_CreateTags").
func (c *Cloud) CreateTags(ctx context.Context, region string, ids []string, tags map[string]string) error {
	return c.retag(ctx, action{name: actionTag, region: region}, ids, func(has map[string]string) { maps.Copy(has, tags) })
}

// DeleteTags takes tags away from instances; with a value, only where the tag has it (page "API_DeleteTags").
func (c *Cloud) DeleteTags(ctx context.Context, region string, ids []string, tags map[string]*string) error {
	return c.retag(ctx, action{name: actionUntag, region: region}, ids, func(has map[string]string) {
		for k, v := range tags {
			if v == nil || has[k] == *v {
				delete(has, k)
			}
		}
	})
}

func (c *Cloud) retag(ctx context.Context, a action, ids []string, do func(map[string]string)) error {
	_, err := call(ctx, c, a, func(at moment) (struct{}, error) {
		machines, err := c.named(a.name, at, ids)
		if err != nil {
			return struct{}{}, err
		}
		changed := make([]map[string]string, len(machines))
		for i, m := range machines {
			changed[i] = map[string]string{}
			maps.Copy(changed[i], m.tags)
			do(changed[i])
			if err := CheckTags(a.name, changed[i]); err != nil {
				return struct{}{}, err
			}
		}
		for i, m := range machines {
			m.tags = changed[i]
		}
		return struct{}{}, nil
	})
	return err
}
