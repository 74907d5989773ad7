package awssim

import "slices"

type describeTags struct {
	dry
	filtered
	paged
}

type tagsAnswer struct {
	Tags []resourceTag `xml:"tagSet>item"`
	Next string        `xml:"nextToken,omitempty"`
}

type resourceTag struct {
	ID    string `xml:"resourceId"`
	Kind  string `xml:"resourceType"`
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// describeTags is the action DescribeTags (page "API_DescribeTags"). Ended instances have none to show.
func (r request) describeTags(p describeTags) (any, error) {
	fields := fields[resourceTag]{of: map[string]func(resourceTag) []string{
		"key":           one(func(t resourceTag) string { return t.Key }),
		"resource-id":   one(func(t resourceTag) string { return t.ID }),
		"resource-type": one(func(t resourceTag) string { return t.Kind }),
		"value":         one(func(t resourceTag) string { return t.Value }),
	}}
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	all := slices.DeleteFunc(r.allTags(), func(t resourceTag) bool { return !fields.matches(t, p.Filters) })
	items, next, err := page(r, pages{5, 1000, 1000}, p.paged, all, func(t resourceTag) string { return t.ID + " " + t.Key })
	if err != nil {
		return nil, err
	}
	return tagsAnswer{items, next}, nil
}

func (r request) allTags() []resourceTag {
	var all []resourceTag
	add := func(id, kind string, tags map[string]string) {
		for k, v := range tags {
			all = append(all, resourceTag{id, kind, k, v})
		}
	}
	for _, i := range r.living() {
		add(i.ID, "instance", i.tags())
		for _, v := range i.devices() {
			add(i.volume(v.device), "volume", i.launch.volumeTags)
		}
		add(i.iface(), "network-interface", i.launch.ifaceTags)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.in.templates {
		add(t.id, "launch-template", t.tags)
	}
	return all
}

// living are the region's instances that are not on their way to their end.
func (r request) living() []instance {
	var all []instance
	for _, known := range r.cloud.Living(r.now()) {
		if i, ok := instanceOf(known); ok && known.Pool.Region == r.in.name {
			all = append(all, i)
		}
	}
	return all
}
