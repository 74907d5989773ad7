package workflow

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// Combination is one job of a matrix. Values is nil when the job has no matrix.
type Combination struct {
	Index  int
	Values map[string]any
	order  []string // keys as the file has them: the order of the default name
}

// Strategy is the evaluated strategy of a job.
type Strategy struct {
	Combinations []Combination
	FailFast     bool
	MaxParallel  int
}

// Context is what expressions see as `strategy`. A re-run may start a part of the matrix only, whose total stays.
func (s Strategy) Context(index, total int) map[string]any {
	return map[string]any{"fail-fast": s.FailFast, "job-index": index, "job-total": total, "max-parallel": s.MaxParallel}
}

// Expand evaluates the strategy: the product of all lists, less exclude, with include merged as GitHub documents it.
func (j *Job) Expand(scope Scope) (Strategy, error) {
	strategy := Strategy{FailFast: true, MaxParallel: MaxMatrixJobs}
	if err := j.expandLimits(scope, &strategy); err != nil {
		return Strategy{}, err
	}
	if resolve(j.matrix).Kind == 0 {
		strategy.Combinations = []Combination{{}}
		strategy.MaxParallel = min(strategy.MaxParallel, MaxMatrixJobs)
		return strategy, nil
	}
	combinations, err := expandMatrix(j.matrix, scope)
	if err != nil {
		return Strategy{}, fmt.Errorf("expanding the matrix of job %q: %w", j.Key, err)
	}
	switch {
	case len(combinations) == 0:
		return Strategy{}, fmt.Errorf("the matrix of job %q is empty", j.Key)
	case len(combinations) > MaxMatrixJobs:
		return Strategy{}, fmt.Errorf("the matrix of job %q has %d jobs, more than %d", j.Key, len(combinations), MaxMatrixJobs)
	}
	for i := range combinations {
		combinations[i].Index = i
	}
	strategy.Combinations = combinations
	return strategy, nil
}

func (j *Job) expandLimits(scope Scope, strategy *Strategy) error {
	failFast, err := scope.value(j.failFast)
	if err != nil {
		return err
	}
	if value, ok := failFast.(bool); ok {
		strategy.FailFast = value
	}
	parallel, err := scope.value(j.maxParallel)
	if err != nil {
		return err
	}
	switch value := parallel.(type) {
	case int:
		strategy.MaxParallel = value
	case float64:
		strategy.MaxParallel = int(value)
	}
	if strategy.MaxParallel < 1 {
		return fmt.Errorf("max-parallel of job %q is %d: it must be at least 1", j.Key, strategy.MaxParallel)
	}
	return nil
}

type axis struct {
	key    string
	values []any
}

// entry is one element of include or exclude, with its keys in the order of the file.
type entry struct {
	values map[string]any
	order  []string
}

func expandMatrix(node yaml.Node, scope Scope) ([]Combination, error) {
	axes, include, exclude, err := matrixParts(node, scope)
	if err != nil {
		return nil, err
	}
	for _, e := range exclude {
		for _, key := range e.order {
			if !hasAxis(axes, key) {
				return nil, fmt.Errorf("exclude names %q, which is no list of the matrix", key)
			}
		}
	}
	var combinations []Combination
	for _, c := range product(axes) {
		if !excluded(c.Values, exclude) {
			combinations = append(combinations, c)
		}
	}
	return mergeIncludes(combinations, axes, include), nil
}

func matrixParts(node yaml.Node, scope Scope) (axes []axis, include, exclude []entry, err error) {
	node = resolve(node)
	var keys []string
	values, nodes := map[string]any{}, map[string]yaml.Node{}
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i].Value
			keys = append(keys, key)
			nodes[key] = *node.Content[i+1]
			if values[key], err = scope.value(*node.Content[i+1]); err != nil {
				return nil, nil, nil, err
			}
		}
	} else {
		whole, err := scope.value(node)
		if err != nil {
			return nil, nil, nil, err
		}
		object, ok := whole.(map[string]any)
		if !ok {
			return nil, nil, nil, errors.New("the matrix is no mapping")
		}
		values = object
		keys = sortedKeys(object) // JSON objects have lost their order
	}
	for _, key := range keys {
		list, ok := values[key].([]any)
		switch {
		case !ok && values[key] == nil:
			continue
		case !ok:
			return nil, nil, nil, fmt.Errorf("%q is no list", key)
		case key == "include":
			include, err = entries(key, list, nodes[key])
		case key == "exclude":
			exclude, err = entries(key, list, nodes[key])
		default:
			axes = append(axes, axis{key: key, values: list})
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	return axes, include, exclude, nil
}

// entries pairs evaluated mappings with the order of their keys, which is lost when they come out of an expression.
func entries(key string, list []any, node yaml.Node) ([]entry, error) {
	node = resolve(node)
	result := make([]entry, 0, len(list))
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s has an entry that is no mapping", key)
		}
		e := entry{values: object}
		if node.Kind == yaml.SequenceNode && resolve(*node.Content[i]).Kind == yaml.MappingNode {
			content := resolve(*node.Content[i]).Content
			for k := 0; k+1 < len(content); k += 2 {
				e.order = append(e.order, content[k].Value)
			}
		} else {
			e.order = sortedKeys(object)
		}
		result = append(result, e)
	}
	return result, nil
}

func product(axes []axis) []Combination {
	if len(axes) == 0 {
		return nil
	}
	combinations := []Combination{{Values: map[string]any{}}}
	for _, a := range axes {
		next := make([]Combination, 0, len(combinations)*len(a.values))
		for _, c := range combinations {
			for _, value := range a.values {
				values := make(map[string]any, len(c.Values)+1)
				maps.Copy(values, c.Values)
				values[a.key] = value
				order := append(append([]string(nil), c.order...), a.key)
				next = append(next, Combination{Values: values, order: order})
			}
		}
		combinations = next
	}
	return combinations
}

func excluded(values map[string]any, exclude []entry) bool {
	for _, e := range exclude {
		if contains(values, e.values) {
			return true
		}
	}
	return false
}

// contains compares objects partially, as GitHub does for exclude.
func contains(value, pattern any) bool {
	want, ok := pattern.(map[string]any)
	if !ok {
		return asText(value) == asText(pattern) && reflect.TypeOf(value) == reflect.TypeOf(pattern) || reflect.DeepEqual(value, pattern)
	}
	have, ok := value.(map[string]any)
	if !ok {
		return false
	}
	for key, v := range want {
		if !contains(have[key], v) {
			return false
		}
	}
	return true
}

// mergeIncludes adds an entry to every original combination whose own values it would not overwrite, or else as a
// combination of its own.
func mergeIncludes(combinations []Combination, axes []axis, include []entry) []Combination {
	originals := len(combinations)
	for _, e := range include {
		merged := false
		for i := range combinations[:originals] {
			if !agrees(combinations[i].Values, e.values, axes) {
				continue
			}
			merged = true
			for _, key := range e.order {
				if _, known := combinations[i].Values[key]; !known {
					combinations[i].order = append(combinations[i].order, key)
				}
				combinations[i].Values[key] = e.values[key]
			}
		}
		if !merged {
			combinations = append(combinations, Combination{Values: e.values, order: e.order})
		}
	}
	return combinations
}

func agrees(values, entry map[string]any, axes []axis) bool {
	for _, a := range axes {
		if v, ok := entry[a.key]; ok && !reflect.DeepEqual(v, values[a.key]) {
			return false
		}
	}
	return true
}

func hasAxis(axes []axis, key string) bool {
	for _, a := range axes {
		if a.key == key {
			return true
		}
	}
	return false
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// DisplayName is the name that GitHub shows: the job's name or key, with the values of the matrix appended unless the
// name uses the matrix itself.
func (j *Job) DisplayName(scope Scope, c Combination) (string, error) {
	name := j.Name
	if name == "" {
		name = j.Key
	}
	text, err := scope.Interpolate(name)
	if err != nil {
		return "", fmt.Errorf("evaluating the name of job %q: %w", j.Key, err)
	}
	if len(c.Values) == 0 || strings.Contains(name, "${{") && strings.Contains(name, "matrix") {
		return text, nil
	}
	values := make([]string, 0, len(c.order))
	for _, key := range c.order {
		values = append(values, flat(c.Values[key])...)
	}
	return text + " (" + strings.Join(values, ", ") + ")", nil
}

func flat(value any) []string {
	switch v := value.(type) {
	case map[string]any:
		var all []string
		for _, key := range sortedKeys(v) {
			all = append(all, flat(v[key])...)
		}
		return all
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, flat(item)...)
		}
		return all
	default:
		return []string{asText(v)}
	}
}
