package fleetconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// MaxSize bounds the file, in bytes.
const MaxSize = 1 << 20

// revisionBytes are plenty to tell the revisions of one file apart.
const revisionBytes = 8

// Parse reads a configuration. The config is whole if no finding is an error, and must not be used otherwise.
func Parse(content []byte) (Config, []Finding) {
	sum := sha256.Sum256(content)
	c := Config{Revision: hex.EncodeToString(sum[:revisionBytes]), Defaults: Defaults{IdleTimeout: DefaultIdleTimeout}}
	if len(content) > MaxSize {
		return c, []Finding{{Line: 1, Column: 1, Severity: Error, Message: fmt.Sprintf("the file is larger than %d bytes", MaxSize)}}
	}
	// Keys that stand twice are found by the reader, which says where the first one is.
	parsed, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return c, []Finding{syntax(err)}
	}
	r := &reader{anchors: map[string]ast.Node{}}
	var body ast.Node
	for _, doc := range parsed.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			r.report(Error, doc.Body, "a second document begins here, and would be ignored", "remove the line ---")
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return c, []Finding{{Line: 1, Column: 1, Severity: Error, Message: "the file is empty", Suggestion: `begin with version: "1"`}}
	}
	ast.Walk(anchors(r.anchors), body)
	r.config(body, &c)
	return c, inOrder(r.findings)
}

// anchors collects the values that have a name.
type anchors map[string]ast.Node

// Visit implements ast.Visitor.
func (a anchors) Visit(n ast.Node) ast.Visitor {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		a[anchor.Name.GetToken().Value] = anchor.Value
	}
	return a
}

func syntax(err error) Finding {
	f := Finding{Line: 1, Column: 1, Severity: Error, Message: "this is not YAML: " + err.Error()}
	if s, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		f.Message = "this is not YAML: " + s.Message
		if s.Token != nil && s.Token.Position != nil {
			f.Line, f.Column = s.Token.Position.Line, s.Token.Position.Column
		}
	}
	return f
}

// config reads the parts in the order in which they refer to each other, whatever their order in the file.
func (r *reader) config(body ast.Node, c *Config) {
	var version string
	var defaults, environments, images, runners, pools ast.Node
	at := r.mapping(
		body, "the configuration",
		key{name: "version", read: r.textInto(&version, "version")},
		key{name: "timezone", read: r.textInto(&c.Timezone, "timezone")},
		key{name: "defaults", read: keep(&defaults)},
		key{name: "environments", read: keep(&environments)},
		key{name: "images", read: keep(&images)},
		key{name: "runners", read: keep(&runners)},
		key{name: "pools", read: keep(&pools)},
	)
	if version != "1" {
		r.report(Error, or(at, "version", body), fmt.Sprintf("the version is %q", version), `write version: "1"`)
	}
	if _, err := schedule.Zone(c.Timezone); err != nil {
		r.fail(or(at, "timezone", body), "timezone: %s", err)
		c.Timezone = ""
	}
	for _, part := range []struct {
		at   ast.Node
		read func(ast.Node, *Config)
	}{
		{defaults, r.defaults},
		{environments, r.environments},
		{images, r.images},
		{runners, r.runners},
		{pools, r.pools},
	} {
		if part.at != nil {
			part.read(part.at, c)
		}
	}
}

func keep(to *ast.Node) func(ast.Node) { return func(n ast.Node) { *to = n } } //nolint:gocritic // the node is what is kept
