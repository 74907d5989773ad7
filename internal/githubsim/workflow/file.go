// Package workflow reads GitHub Actions workflow files the way GitHub does before any runner sees them: jobs in file
// order, needs, matrices, conditions and expressions. It decides nothing about time and keeps no state.
package workflow

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"
)

// MaxMatrixJobs is GitHub's limit of jobs that one matrix may generate in a run (GitHub's usage limits).
const MaxMatrixJobs = 256

// File is one workflow.
type File struct {
	Name        string
	RunName     string // expression text, may be empty
	Concurrency *Concurrency
	Jobs        []*Job // in the order of the file
	Events      []string
}

// Concurrency is the concurrency clause of a workflow or a job, not yet evaluated.
type Concurrency struct {
	Group            string
	CancelInProgress string
}

// Job is one job of the file, not yet expanded by its matrix.
type Job struct {
	Key             string
	Name            string
	Needs           []string
	If              string
	Outputs         map[string]string
	TimeoutMinutes  string
	ContinueOnError string
	Concurrency     *Concurrency

	environment yaml.Node
	runsOn      yaml.Node
	matrix      yaml.Node
	failFast    yaml.Node
	maxParallel yaml.Node
}

type rawFile struct {
	Name        string    `yaml:"name"`
	RunName     string    `yaml:"run-name"`
	Concurrency yaml.Node `yaml:"concurrency"`
	Jobs        yaml.Node `yaml:"jobs"`
}

type rawJob struct {
	Name            string            `yaml:"name"`
	Needs           yaml.Node         `yaml:"needs"`
	If              string            `yaml:"if"`
	Outputs         map[string]string `yaml:"outputs"`
	TimeoutMinutes  string            `yaml:"timeout-minutes"`
	ContinueOnError string            `yaml:"continue-on-error"`
	Concurrency     yaml.Node         `yaml:"concurrency"`
	Environment     yaml.Node         `yaml:"environment"`
	RunsOn          yaml.Node         `yaml:"runs-on"`
	Uses            string            `yaml:"uses"`
	Strategy        struct {
		Matrix      yaml.Node `yaml:"matrix"`
		FailFast    yaml.Node `yaml:"fail-fast"`
		MaxParallel yaml.Node `yaml:"max-parallel"`
	} `yaml:"strategy"`
}

// Parse reads a workflow and refuses what GitHub refuses: what its schema does not know, needs that name no job, and
// cycles. Jobs that call a reusable workflow are refused too, since the simulator has none.
func Parse(content []byte) (*File, error) {
	validated, err := model.ReadWorkflow(bytes.NewReader(content), true)
	if err != nil {
		return nil, fmt.Errorf("reading the workflow: %w", err)
	}
	var raw rawFile
	if err := yaml.Unmarshal(content, &raw); err != nil {
		return nil, fmt.Errorf("reading the workflow: %w", err)
	}
	file := &File{Name: raw.Name, RunName: raw.RunName, Events: validated.On()}
	if file.Concurrency, err = parseConcurrency(raw.Concurrency); err != nil {
		return nil, err
	}
	jobs := resolve(raw.Jobs)
	if jobs.Kind != yaml.MappingNode || len(jobs.Content) == 0 {
		return nil, errors.New("the workflow has no jobs")
	}
	for i := 0; i+1 < len(jobs.Content); i += 2 {
		job, err := parseJob(jobs.Content[i].Value, *jobs.Content[i+1])
		if err != nil {
			return nil, err
		}
		file.Jobs = append(file.Jobs, job)
	}
	return file, file.checkNeeds()
}

func parseJob(key string, node yaml.Node) (*Job, error) {
	var raw rawJob
	if err := node.Decode(&raw); err != nil {
		return nil, fmt.Errorf("reading job %q: %w", key, err)
	}
	if raw.Uses != "" {
		return nil, fmt.Errorf("job %q calls the reusable workflow %q, which the simulator does not support", key, raw.Uses)
	}
	needs, err := stringList(raw.Needs)
	if err != nil {
		return nil, fmt.Errorf("reading needs of job %q: %w", key, err)
	}
	concurrency, err := parseConcurrency(raw.Concurrency)
	if err != nil {
		return nil, fmt.Errorf("reading job %q: %w", key, err)
	}
	return &Job{
		Key: key, Name: raw.Name, Needs: needs, If: raw.If, Outputs: raw.Outputs, TimeoutMinutes: raw.TimeoutMinutes,
		ContinueOnError: raw.ContinueOnError, Concurrency: concurrency, environment: raw.Environment, runsOn: raw.RunsOn,
		matrix: raw.Strategy.Matrix, failFast: raw.Strategy.FailFast, maxParallel: raw.Strategy.MaxParallel,
	}, nil
}

func parseConcurrency(node yaml.Node) (*Concurrency, error) {
	node = resolve(node)
	switch node.Kind {
	case 0:
		return nil, nil //nolint:nilnil // no clause is no error
	case yaml.ScalarNode:
		return &Concurrency{Group: node.Value}, nil
	default:
		var raw struct {
			Group            string `yaml:"group"`
			CancelInProgress string `yaml:"cancel-in-progress"`
		}
		if err := node.Decode(&raw); err != nil {
			return nil, fmt.Errorf("reading concurrency: %w", err)
		}
		return &Concurrency{Group: raw.Group, CancelInProgress: raw.CancelInProgress}, nil
	}
}

// Job returns the job of this key, or nil.
func (f *File) Job(key string) *Job {
	for _, job := range f.Jobs {
		if job.Key == key {
			return job
		}
	}
	return nil
}

// Ancestors returns the keys of all jobs that this one needs, directly or not, each once and nearest first.
func (f *File) Ancestors(key string) []string {
	var found []string
	seen := map[string]bool{key: true}
	for queue := []string{key}; len(queue) > 0; queue = queue[1:] {
		job := f.Job(queue[0])
		if job == nil {
			continue
		}
		for _, need := range job.Needs {
			if !seen[need] {
				seen[need] = true
				found = append(found, need)
				queue = append(queue, need)
			}
		}
	}
	return found
}

func (f *File) checkNeeds() error {
	for _, job := range f.Jobs {
		for _, need := range job.Needs {
			if f.Job(need) == nil {
				return fmt.Errorf("job %q needs %q, which the workflow does not have", job.Key, need)
			}
		}
	}
	done := map[string]bool{}
	for range f.Jobs {
		for _, job := range f.Jobs {
			ready := true
			for _, need := range job.Needs {
				ready = ready && done[need]
			}
			if ready {
				done[job.Key] = true
			}
		}
	}
	for _, job := range f.Jobs {
		if !done[job.Key] {
			return fmt.Errorf("job %q needs itself through its needs: break the cycle", job.Key)
		}
	}
	return nil
}

func resolve(node yaml.Node) yaml.Node {
	for node.Kind == yaml.AliasNode && node.Alias != nil {
		node = *node.Alias
	}
	return node
}

func stringList(node yaml.Node) ([]string, error) {
	node = resolve(node)
	switch node.Kind {
	case 0:
		return nil, nil
	case yaml.ScalarNode:
		return []string{node.Value}, nil
	default:
		var list []string
		if err := node.Decode(&list); err != nil {
			return nil, fmt.Errorf("expecting a string or a list of strings: %w", err)
		}
		return list, nil
	}
}
