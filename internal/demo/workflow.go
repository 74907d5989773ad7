package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/examples/workflows"
)

// workflow is a file to run.
type workflow struct {
	file    string // its name in .github/workflows
	content string
	expect  expectations
}

// order returns the examples as they are shown: the ordinary before the errors.
func order() []string {
	return []string{"hello-matrix.yml", "build-and-test.yml", "same-labels.yml", "fails-on-purpose.yml", "typo-in-label.yml"}
}

// maxMatrix is GitHub's limit of jobs in a matrix.
const maxMatrix = 256

// chooseWorkflows reads the files that the options name, makes up a burst, or else takes the examples.
func chooseWorkflows(o Options) ([]workflow, error) {
	var chosen []workflow
	add := func(file, content string) error {
		expect, err := parseExpectations(content)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		chosen = append(chosen, workflow{file: file, content: content, expect: expect})
		return nil
	}
	for _, path := range o.Workflows {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the workflow: %w", err)
		}
		if err := add(filepath.Base(path), string(content)); err != nil {
			return nil, err
		}
	}
	for first := 0; first < o.Jobs; first += maxMatrix {
		if err := add(fmt.Sprintf("burst-%d.yml", first/maxMatrix+1), burst(first, min(first+maxMatrix, o.Jobs))); err != nil {
			return nil, err
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	files, err := fs.Glob(workflows.Files, "*.yml")
	if err != nil {
		return nil, fmt.Errorf("listing the examples: %w", err)
	}
	slices.SortStableFunc(files, func(a, b string) int { return position(a) - position(b) })
	for _, file := range files {
		content, err := fs.ReadFile(workflows.Files, file)
		if err != nil {
			return nil, fmt.Errorf("reading an example: %w", err)
		}
		if err := add(file, string(content)); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

func position(file string) int {
	if at := slices.Index(order(), file); at >= 0 {
		return at
	}
	return len(order())
}

// burst is a workflow of the jobs from first up to, and without, last.
func burst(first, last int) string {
	numbers := make([]string, 0, last-first)
	for n := first; n < last; n++ {
		numbers = append(numbers, fmt.Sprint(n+1))
	}
	return `name: Burst
on: workflow_dispatch
jobs:
  job:
    strategy:
      fail-fast: false
      matrix: { n: [` + strings.Join(numbers, ", ") + `] }
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2/id=${{ matrix.n }}
    steps:
      - run: echo "job ${{ matrix.n }} on $RUNNER_NAME"
`
}
