package settings

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// fileValues reads the settings file: one flat mapping of keys to scalars and sequences of scalars.
func fileValues(from Sources) (map[string]value, []error) {
	out := map[string]value{}
	if from.File == "" {
		return out, nil
	}
	content, err := from.ReadFile(from.File)
	if err != nil {
		return out, []error{fmt.Errorf("reading the settings file: %w", err)}
	}
	parsed, err := parser.ParseBytes(content, 0)
	if err != nil {
		return out, []error{syntaxError(from.File, err)}
	}
	var errs []error
	documents := 0
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue // an empty file, or comments only
		}
		if documents++; documents > 1 {
			errs = append(errs, at(from.File, doc.Body.GetToken(), "the file has a second document: write all settings into the first"))
			break
		}
		errs = append(errs, readMapping(from.File, doc.Body, out)...)
	}
	return out, errs
}

func syntaxError(file string, err error) error {
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		return at(file, syntax.Token, syntax.Message)
	}
	return &Error{Where: file, What: err.Error()}
}

func at(file string, t *token.Token, what string) error {
	return &Error{Where: position(file, t), What: what}
}

func position(file string, t *token.Token) string {
	if t == nil || t.Position == nil {
		return file
	}
	return fmt.Sprintf("%s:%d:%d", file, t.Position.Line, t.Position.Column)
}

func readMapping(file string, node ast.Node, out map[string]value) []error {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	case *ast.NullNode:
		return nil
	default:
		return []error{at(file, node.GetToken(), "the file must be a mapping, a setting per line, such as listen: 127.0.0.1:8080")}
	}
	byKey := map[string]Setting{}
	var known []string
	for _, s := range Table() {
		byKey[s.Key] = s
		if !s.Secret && !s.Hidden {
			known = append(known, s.Key)
		}
	}
	var errs []error
	for _, e := range entries {
		keyToken := e.Key.GetToken()
		key := keyToken.Value
		s, ok := byKey[key]
		switch {
		case !ok:
			errs = append(errs, at(file, keyToken, fmt.Sprintf("there is no setting %q%s", key, didYouMean(key, known))))
			continue
		case s.Secret:
			errs = append(errs, at(file, keyToken, fmt.Sprintf(
				"%s is a secret and has no place in this file: set %s, or %s_file to the path of a file that holds it", key, s.Env(), key)))
			continue
		}
		texts, err := readValue(file, s, e.Value)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if texts != nil {
			out[key] = value{where: position(file, keyToken), texts: texts}
		}
	}
	return errs
}

// readValue returns nil for a key without a value, which is a key that is not set.
func readValue(file string, s Setting, node ast.Node) ([]string, error) {
	if seq, ok := node.(*ast.SequenceNode); ok {
		if s.Kind != List {
			return nil, at(file, node.GetToken(), s.Key+" takes one value, not a list")
		}
		texts := []string{}
		for _, item := range seq.Values {
			text, err := scalar(file, s, item)
			if err != nil {
				return nil, err
			}
			texts = append(texts, text)
		}
		return texts, nil
	}
	if _, ok := node.(*ast.NullNode); ok {
		return nil, nil
	}
	text, err := scalar(file, s, node)
	if err != nil {
		return nil, err
	}
	return []string{text}, nil
}

func scalar(file string, s Setting, node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	default:
		return "", at(file, node.GetToken(), s.Key+" takes plain values only, neither mappings nor nested lists")
	}
}
