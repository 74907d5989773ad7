package awssim

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// region is what a region keeps beside the cloud's instances.
type region struct {
	name      string
	network   network
	images    []Image
	templates map[string]*template // by id
	named     map[string]*template
	made      int // templates, for their ids
	tokens    map[string]spentToken
}

func newRegion(name string, zones []string, images []Image, groups []string) *region {
	r := &region{
		name: name, network: newNetwork(name, zones, groups),
		templates: map[string]*template{}, named: map[string]*template{}, tokens: map[string]spentToken{},
	}
	for _, i := range images {
		i.ID = resourceID("ami", name, i.Name)
		r.images = append(r.images, i)
	}
	return r
}

// resourceID is a resource's id, which follows from what it is: 17 hexadecimal characters after the prefix.
func resourceID(prefix string, parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p)) // a hash never returns an error
		_, _ = h.Write([]byte{0})
	}
	return fmt.Sprintf("%s-0%016x", prefix, h.Sum64())
}

// hasForm says whether an id has a prefix and 8 or 17 hexadecimal characters.
func hasForm(id, prefix string) bool {
	rest, ok := strings.CutPrefix(id, prefix+"-")
	if !ok || (len(rest) != 8 && len(rest) != 17) {
		return false
	}
	return strings.Trim(rest, "0123456789abcdef") == ""
}
