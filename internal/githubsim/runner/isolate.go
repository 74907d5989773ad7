package runner

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nektos/act/pkg/exprparser"
	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"
)

const (
	// hostLabel is the label that the isolated job asks for and act maps to this machine, whatever the job's own were.
	hostLabel = "this-machine"
	// defaultTimeout is GitHub's own limit of a job without timeout-minutes.
	defaultTimeout = 360 * time.Minute
)

// isolate reads the workflow and leaves of it one job, as the server decided it: its matrix fixed, its condition
// evaluated, and in place of the jobs that it needs only their results.
func isolate(def Definition) (*model.Workflow, error) {
	workflow, err := model.ReadWorkflow(strings.NewReader(def.Workflow), false)
	if err != nil {
		return nil, fmt.Errorf("reading the workflow %s: %w", def.WorkflowPath, err)
	}
	job := workflow.GetJob(def.Job)
	if job == nil {
		return nil, fmt.Errorf("the workflow %s has no job %q", def.WorkflowPath, def.Job)
	}
	if workflow.Name == "" {
		workflow.Name = def.WorkflowPath
	}
	workflow.File = def.WorkflowPath
	workflow.Jobs = map[string]*model.Job{def.Job: job}
	for name, need := range def.Needs {
		workflow.Jobs[name] = &model.Job{Name: name, Result: need.Result, Outputs: need.Outputs}
	}
	for _, name := range job.Needs() {
		if workflow.Jobs[name] == nil {
			workflow.Jobs[name] = &model.Job{Name: name}
		}
	}
	job.Name = literal(def.Name)
	job.If = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "always()"}
	job.RawRunsOn = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: hostLabel}
	if err := fixMatrix(job, def.Matrix); err != nil {
		return nil, err
	}
	fixStrategy(job, def.Strategy)
	return workflow, nil
}

// literal keeps act from evaluating a name again that the server has evaluated.
func literal(name string) string { return strings.ReplaceAll(name, "${{", "$ {{") }

// fixMatrix makes the job's matrix have the one combination that the server chose.
func fixMatrix(job *model.Job, chosen map[string]any) error {
	if job.Strategy == nil && len(chosen) == 0 {
		return nil
	}
	if job.Strategy == nil {
		job.Strategy = &model.Strategy{}
	}
	job.Strategy.RawMatrix = yaml.Node{}
	if len(chosen) == 0 {
		return nil
	}
	axes := make(map[string][]any, len(chosen))
	for axis, value := range chosen {
		axes[axis] = []any{value}
	}
	if err := job.Strategy.RawMatrix.Encode(axes); err != nil {
		return fmt.Errorf("fixing the job's matrix: %w", err)
	}
	return nil
}

var strategyIndex = regexp.MustCompile(`(?i)\bstrategy\.(job-index|job-total)\b`)

// fixStrategy writes strategy.job-index and strategy.job-total into the job's expressions, which act does not know.
func fixStrategy(job *model.Job, strategy map[string]any) {
	put := func(text string) string {
		if !strings.Contains(text, "${{") {
			return text
		}
		return strategyIndex.ReplaceAllStringFunc(text, func(found string) string {
			_, key, _ := strings.Cut(strings.ToLower(found), ".")
			if value, known := strategy[key]; known {
				return fmt.Sprint(value)
			}
			return found
		})
	}
	putAll := func(texts map[string]string) {
		for key, text := range texts {
			texts[key] = put(text)
		}
	}
	putAll(job.Outputs)
	putNode(&job.Env, put)
	for _, step := range job.Steps {
		if step == nil {
			continue
		}
		step.Name, step.Run, step.WorkingDirectory = put(step.Name), put(step.Run), put(step.WorkingDirectory)
		step.If.Value = strings.TrimPrefix(put("${{"+step.If.Value), "${{") // a condition is an expression by itself
		putAll(step.With)
		putNode(&step.Env, put)
	}
}

func putNode(node *yaml.Node, put func(string) string) {
	if node.Kind == yaml.ScalarNode {
		node.Value = put(node.Value)
	}
	for _, child := range node.Content {
		putNode(child, put)
	}
}

// jobTimeout is the job's timeout-minutes, which may be an expression over its matrix and what is known before it starts.
func jobTimeout(job *model.Job, def Definition) (time.Duration, error) {
	text := strings.TrimSpace(job.TimeoutMinutes)
	if text == "" {
		return defaultTimeout, nil
	}
	if inner, found := strings.CutPrefix(text, "${{"); found {
		needs := make(map[string]exprparser.Needs, len(def.Needs))
		for name, need := range def.Needs {
			needs[name] = exprparser.Needs{Outputs: need.Outputs, Result: need.Result}
		}
		environment := &exprparser.EvaluationEnvironment{
			Github: &model.GithubContext{Ref: def.Ref, EventName: def.EventName, Repository: def.Repository},
			Matrix: def.Matrix, Needs: needs, Vars: def.Vars, Strategy: def.Strategy,
		}
		value, err := exprparser.NewInterpeter(environment, exprparser.Config{Context: "job"}).
			Evaluate(strings.TrimSpace(strings.TrimSuffix(inner, "}}")), exprparser.DefaultStatusCheckNone)
		if err != nil {
			return 0, fmt.Errorf("evaluating timeout-minutes: %w", err)
		}
		text = fmt.Sprint(value)
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number <= 0 {
		return 0, fmt.Errorf("timeout-minutes is %q, which is no number of minutes", text)
	}
	return time.Duration(number * float64(time.Minute)), nil
}
