package fleetconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader collects findings while it walks through the file.
type reader struct {
	anchors  map[string]ast.Node
	findings []Finding
}

func (r *reader) report(s Severity, n ast.Node, message, suggestion string) {
	var line, column int
	if t := tokenOf(n); t != nil && t.Position != nil {
		line, column = t.Position.Line, t.Position.Column
	}
	r.findings = append(r.findings, Finding{Line: line, Column: column, Severity: s, Message: message, Suggestion: suggestion})
}

// tokenOf is where a person would point at: the first key of a mapping and not the colon behind it.
func tokenOf(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

func (r *reader) fail(n ast.Node, format string, a ...any) {
	r.report(Error, n, fmt.Sprintf(format, a...), "")
}

func (r *reader) warn(n ast.Node, format string, a ...any) {
	r.report(Warning, n, fmt.Sprintf(format, a...), "")
}

// key is what to do with the value of a key of a mapping.
type key struct {
	name string
	read func(ast.Node)
	// unused says that the key is understood and that nothing follows from it.
	unused bool
}

// mapping reads a mapping strictly, and returns where its keys are.
func (r *reader) mapping(n ast.Node, what string, keys ...key) map[string]ast.Node {
	at := map[string]ast.Node{}
	var entries []*ast.MappingValueNode
	switch m := r.resolve(n).(type) {
	case *ast.MappingNode:
		entries = m.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{m}
	case *ast.NullNode:
		return at
	default:
		r.fail(n, "%s must be a mapping: keys with values", what)
		return at
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	for _, e := range entries {
		name := e.Key.GetToken().Value
		if _, merge := e.Key.(*ast.MergeKeyNode); merge {
			r.report(Error, e, "<< is not understood here", "write the keys out; an anchor for a whole value (&name, *name) works")
			continue
		}
		i := slices.Index(names, name)
		switch {
		case i < 0:
			r.report(Error, e, fmt.Sprintf("%s has no key %q", what, name), meant(name, names))
			continue
		case at[name] != nil:
			r.fail(e, "the key %s stands here a second time: the first is in line %d", name, tokenOf(at[name]).Position.Line)
			continue
		}
		at[name] = e
		if keys[i].unused {
			r.warn(e, "%s of %s has no effect yet", name, what)
			continue
		}
		if _, empty := r.resolve(e.Value).(*ast.NullNode); !empty {
			keys[i].read(e.Value)
		}
	}
	return at
}

// each reads a sequence.
func (r *reader) each(n ast.Node, what string, read func(ast.Node)) {
	seq, ok := r.resolve(n).(*ast.SequenceNode)
	if !ok {
		r.fail(n, "%s must be a list", what)
		return
	}
	for _, item := range seq.Values {
		read(item)
	}
}

// resolve follows anchors and aliases.
func (r *reader) resolve(n ast.Node) ast.Node {
	for range 10 { // an alias of an alias, and no endless chain
		switch a := n.(type) {
		case *ast.AnchorNode:
			n = a.Value
		case *ast.AliasNode:
			to, ok := r.anchors[a.Value.GetToken().Value]
			if !ok {
				return n
			}
			n = to
		case *ast.TagNode:
			n = a.Value
		default:
			return n
		}
	}
	return n
}

// text reads a plain value as it is written.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	switch v := r.resolve(n).(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	default:
		r.fail(n, "%s must be one plain value", what)
		return "", false
	}
}

// textInto returns a reader of a plain value.
func (r *reader) textInto(to *string, what string) func(ast.Node) {
	return func(n ast.Node) {
		if s, ok := r.text(n, what); ok {
			*to = s
		}
	}
}

// texts reads one plain value or a list of them.
func (r *reader) texts(n ast.Node, what string) []string {
	if _, list := r.resolve(n).(*ast.SequenceNode); !list {
		if s, ok := r.text(n, what); ok {
			return []string{s}
		}
		return nil
	}
	var out []string
	r.each(n, what, func(item ast.Node) {
		if s, ok := r.text(item, what); ok {
			out = append(out, s)
		}
	})
	return out
}

func (r *reader) textsInto(to *[]string, what string) func(ast.Node) {
	return func(n ast.Node) { *to = r.texts(n, what) }
}

// number reads a whole number between two bounds, both included.
func (r *reader) number(n ast.Node, what string, least, most int) (int, bool) {
	s, ok := r.text(n, what)
	if !ok {
		return 0, false
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		r.fail(n, "%s is %q: a whole number from %d to %d is expected", what, s, least, most)
		return 0, false
	}
	return v, true
}

// numberInto reads a number of machines.
func (r *reader) numberInto(to *int, what string, least int) func(ast.Node) {
	return func(n ast.Node) {
		if v, ok := r.number(n, what, least, mostMachines); ok {
			*to = v
		}
	}
}

func (r *reader) boolInto(to *bool, what string) func(ast.Node) {
	return func(n ast.Node) {
		b, ok := r.resolve(n).(*ast.BoolNode)
		if !ok {
			r.fail(n, "%s must be true or false", what)
			return
		}
		*to = b.Value
	}
}

// names refuses a name that is missing, badly formed, or taken by another of its kind.
type names struct {
	kind  string
	first map[string]ast.Node
}

// longestName keeps names readable, and labels that hold one within GitHub's 256 characters.
const longestName = 64

func (r *reader) name(taken *names, name string, at ast.Node) {
	folded := strings.ToLower(name)
	switch before := taken.first[folded]; {
	case name == "":
		r.fail(at, "a %s needs a name", taken.kind)
	case strings.Trim(folded, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || len(name) > longestName:
		r.fail(at, "%q is no name of a %s: letters, digits, -, _ and . are, at most %d", name, taken.kind, longestName)
	case before != nil:
		r.fail(at, "there is a %s %s already, in line %d", taken.kind, name, tokenOf(before).Position.Line)
	default:
		taken.first[folded] = at
	}
}

func newNames(kind string) *names { return &names{kind: kind, first: map[string]ast.Node{}} }

// or is where a key is, and else the mapping that should have it.
func or(at map[string]ast.Node, key string, whole ast.Node) ast.Node {
	if n, ok := at[key]; ok {
		return n
	}
	return whole
}
