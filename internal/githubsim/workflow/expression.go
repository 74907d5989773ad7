package workflow

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nektos/act/pkg/exprparser"
	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"
)

// Scope is everything that an expression outside of steps can see.
type Scope struct {
	GitHub   model.GithubContext
	Needs    map[string]exprparser.Needs // direct needs
	Results  map[string]string           // results of all ancestors, for success() and failure()
	Matrix   map[string]any
	Strategy map[string]any
	Inputs   map[string]any
	Vars     map[string]string
	// Cancelled is true once the run was cancelled: success() and failure() are then false, cancelled() is true.
	Cancelled bool
}

const selfKey = "self"

// interpreter gives act's interpreter a workflow in which the job at hand needs all its ancestors, because its status
// functions read their results there.
func (s Scope) interpreter() exprparser.Interpreter {
	jobs := map[string]*model.Job{}
	self := &model.Job{RawNeeds: yaml.Node{Kind: yaml.SequenceNode}}
	status := "success"
	results := s.Results
	if s.Cancelled {
		status = "cancelled"
		results = map[string]string{"cancelled-run": "cancelled"}
	}
	for key, result := range results {
		jobs[key+" "] = &model.Job{Result: result} // no key of a file ends in a space
		self.RawNeeds.Content = append(self.RawNeeds.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key + " "})
	}
	jobs[selfKey] = self
	return exprparser.NewInterpeter(&exprparser.EvaluationEnvironment{
		Github: &s.GitHub, Needs: s.Needs, Matrix: s.Matrix, Strategy: s.Strategy, Inputs: s.Inputs, Vars: s.Vars,
		Env: map[string]string{}, Secrets: map[string]string{}, Job: &model.JobContext{Status: status},
	}, exprparser.Config{Run: &model.Run{Workflow: &model.Workflow{Jobs: jobs}, JobID: selfKey}, Context: "job"})
}

// Condition evaluates the `if` of a job: empty means success(), and success() is added unless a status function is used.
func (s Scope) Condition(text string) (bool, error) {
	expression := strings.TrimSpace(text)
	if whole, ok := wholeExpression(expression); ok {
		expression = whole
	} else if strings.Contains(expression, "${{") {
		replaced, err := s.Interpolate(expression)
		if err != nil {
			return false, err
		}
		expression = quote(replaced)
	}
	value, err := s.interpreter().Evaluate(expression, exprparser.DefaultStatusCheckSuccess)
	if err != nil {
		return false, fmt.Errorf("evaluating %q: %w", text, err)
	}
	return exprparser.IsTruthy(value), nil
}

// Interpolate replaces every ${{ }} in a text.
func (s Scope) Interpolate(text string) (string, error) {
	value, err := s.evaluateText(text)
	if err != nil {
		return "", err
	}
	return asText(value), nil
}

// evaluateText keeps the type of a value when the whole text is one expression, as fromJSON needs it.
func (s Scope) evaluateText(text string) (any, error) {
	if whole, ok := wholeExpression(strings.TrimSpace(text)); ok {
		return s.evaluate(whole)
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		end := expressionEnd(rest)
		if end < 0 {
			return nil, fmt.Errorf("the expression in %q has no end: add }}", text)
		}
		value, err := s.evaluate(rest[:end])
		if err != nil {
			return nil, err
		}
		out.WriteString(asText(value))
		text = rest[end+2:]
	}
}

func (s Scope) evaluate(expression string) (any, error) {
	value, err := s.interpreter().Evaluate(strings.TrimSpace(expression), exprparser.DefaultStatusCheckNone)
	if err != nil {
		return nil, fmt.Errorf("evaluating %q: %w", strings.TrimSpace(expression), err)
	}
	return value, nil
}

// value evaluates a YAML node, with all expressions in it.
func (s Scope) value(node yaml.Node) (any, error) {
	node = resolve(node)
	switch node.Kind {
	case yaml.ScalarNode:
		if strings.Contains(node.Value, "${{") {
			return s.evaluateText(node.Value)
		}
		var plain any
		if err := node.Decode(&plain); err != nil {
			return nil, fmt.Errorf("reading %q: %w", node.Value, err)
		}
		return plain, nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			v, err := s.value(*item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			v, err := s.value(*node.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[node.Content[i].Value] = v
		}
		return object, nil
	default:
		return nil, nil //nolint:nilnil // the value of an empty node is null
	}
}

func wholeExpression(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "${{")
	if !ok {
		return "", false
	}
	if end := expressionEnd(inner); end < 0 || end+2 != len(inner) {
		return "", false
	}
	return strings.TrimSpace(strings.TrimSuffix(inner, "}}")), true
}

// expressionEnd finds the closing braces outside of string literals.
func expressionEnd(text string) int {
	quoted := false
	for i := 0; i+1 < len(text); i++ {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && text[i] == '}' && text[i+1] == '}':
			return i
		}
	}
	return -1
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// asText prints a value as GitHub does in a string.
func asText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any:
		return "Object"
	case []any:
		return "Array"
	default:
		return fmt.Sprint(v)
	}
}
