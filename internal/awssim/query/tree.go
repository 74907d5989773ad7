package query

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// node is a parameter with what is below it.
type node struct {
	name     string // the whole path
	value    string
	set      bool // it has a value itself
	children map[string]*node
}

// treeOf arranges parameters by their paths.
func treeOf(form url.Values) *node {
	root := &node{}
	for _, name := range sortedKeys(form) {
		n := root
		for part := range strings.SplitSeq(name, ".") {
			n = n.child(part)
		}
		n.value, n.set = form.Get(name), true
	}
	return root
}

func (n *node) child(part string) *node {
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c, ok := n.children[part]
	if !ok {
		c = &node{name: strings.TrimPrefix(n.name+"."+part, ".")}
		n.children[part] = c
	}
	return c
}

// items returns the elements of a list in the order of their numbers. A part that is no number is not recognized.
func (n *node) items() ([]*node, error) {
	numbers := map[int]*node{}
	var order []int
	for _, part := range sortedKeys(n.children) {
		i, err := strconv.Atoi(part)
		if err != nil || i < 1 {
			return nil, unknown(n.children[part])
		}
		numbers[i] = n.children[part]
		order = append(order, i)
	}
	slices.Sort(order)
	items := make([]*node, len(order))
	for i, number := range order {
		items[i] = numbers[number]
	}
	return items, nil
}

// first is the name of a parameter at or below the node.
func (n *node) first() string {
	for !n.set && len(n.children) > 0 {
		n = n.children[sortedKeys(n.children)[0]]
	}
	return n.name
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
