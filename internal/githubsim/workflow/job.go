package workflow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Target is an evaluated runs-on.
type Target struct {
	Labels []string
	Group  string
}

// RunsOn evaluates runs-on: a string, a list, or {group, labels}, each with expressions.
func (j *Job) RunsOn(scope Scope) (Target, error) {
	value, err := scope.value(j.runsOn)
	if err != nil {
		return Target{}, fmt.Errorf("evaluating runs-on of job %q: %w", j.Key, err)
	}
	target := Target{}
	if object, ok := value.(map[string]any); ok {
		target.Group = asText(object["group"])
		value = object["labels"]
		if value == nil && target.Group != "" {
			return target, nil
		}
	}
	target.Labels, err = labels(value)
	if err != nil {
		return Target{}, fmt.Errorf("evaluating runs-on of job %q: %w", j.Key, err)
	}
	return target, nil
}

func labels(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	result := make([]string, 0, len(list))
	for _, item := range list {
		text := asText(item)
		if strings.TrimSpace(text) == "" {
			return nil, errors.New("a label is empty")
		}
		result = append(result, text)
	}
	if len(result) == 0 {
		return nil, errors.New("it has no labels")
	}
	return result, nil
}

// Environment evaluates the name of the deployment environment; empty when the job has none.
func (j *Job) Environment(scope Scope) (string, error) {
	node := resolve(j.environment)
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == "name" {
				node = resolve(*node.Content[i+1])
				break
			}
		}
	}
	value, err := scope.value(node)
	if err != nil {
		return "", fmt.Errorf("evaluating the environment of job %q: %w", j.Key, err)
	}
	return asText(value), nil
}

// DefaultTimeoutMinutes is GitHub's timeout of a job that sets none.
const DefaultTimeoutMinutes = 360

// Timeout evaluates timeout-minutes.
func (j *Job) Timeout(scope Scope) (float64, error) {
	if j.TimeoutMinutes == "" {
		return DefaultTimeoutMinutes, nil
	}
	text, err := scope.Interpolate(j.TimeoutMinutes)
	if err != nil {
		return 0, fmt.Errorf("evaluating timeout-minutes of job %q: %w", j.Key, err)
	}
	minutes, err := strconv.ParseFloat(text, 64)
	if err != nil || minutes <= 0 {
		return 0, fmt.Errorf("timeout-minutes of job %q is %q: write a positive number", j.Key, text)
	}
	return minutes, nil
}

// Tolerated evaluates continue-on-error: a failure of this job does not fail the run.
func (j *Job) Tolerated(scope Scope) (bool, error) {
	if j.ContinueOnError == "" {
		return false, nil
	}
	text, err := scope.Interpolate(j.ContinueOnError)
	if err != nil {
		return false, fmt.Errorf("evaluating continue-on-error of job %q: %w", j.Key, err)
	}
	return text == "true", nil
}

// Evaluate returns the group, and whether a newcomer cancels what is in progress.
func (c *Concurrency) Evaluate(scope Scope) (group string, cancel bool, err error) {
	if c == nil {
		return "", false, nil
	}
	if group, err = scope.Interpolate(c.Group); err != nil {
		return "", false, fmt.Errorf("evaluating the concurrency group: %w", err)
	}
	text, err := scope.Interpolate(c.CancelInProgress)
	if err != nil {
		return "", false, fmt.Errorf("evaluating cancel-in-progress: %w", err)
	}
	return group, text == "true", nil
}
