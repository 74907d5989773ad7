package workflow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nektos/act/pkg/exprparser"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/workflow"
)

const before = `
on: push
jobs:
  a:
    runs-on: x
    steps: [{run: a}]
  b:
    runs-on: x
    needs: a
    steps: [{run: b}]
  job:
    needs: [b]
    steps: [{run: c}]
`

func parse(t *testing.T, job string) *workflow.Job {
	t.Helper()
	file, err := workflow.Parse([]byte(before + indent(job)))
	if err != nil {
		t.Fatal(err)
	}
	return file.Job("job")
}

func indent(text string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		out.WriteString("    " + line + "\n")
	}
	return out.String()
}

func scope() workflow.Scope {
	s := workflow.Scope{
		Needs:   map[string]exprparser.Needs{"b": {Result: "success", Outputs: map[string]string{"list": `["p","q"]`, "empty": "[]"}}},
		Results: map[string]string{"a": "success", "b": "success"},
		Inputs:  map[string]any{"size": "16"},
		Vars:    map[string]string{"POOL": "big"},
	}
	s.GitHub.RunID, s.GitHub.RefName = "123", "main"
	return s
}

func names(t *testing.T, job string) ([]string, error) {
	t.Helper()
	j := parse(t, job)
	strategy, err := j.Expand(scope())
	if err != nil {
		return nil, err
	}
	list := []string{}
	for _, c := range strategy.Combinations {
		s := scope()
		s.Matrix = c.Values
		name, err := j.DisplayName(s, c)
		if err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, nil
}

func TestMatrixExpandsAsGitHubDocuments(t *testing.T) {
	tests := map[string]struct {
		job  string
		want []string
	}{
		"no matrix": {"runs-on: x", []string{"job"}},
		"product in file order": {
			"runs-on: x\nstrategy:\n  matrix:\n    os: [linux, win]\n    go: [1.25, 1.26]",
			[]string{"job (linux, 1.25)", "job (linux, 1.26)", "job (win, 1.25)", "job (win, 1.26)"},
		},
		"exclude": {"runs-on: x\nstrategy:\n  matrix:\n    os: [linux, win]\n    go: [1, 2]\n    exclude:\n" +
			"      - {os: win, go: 1}", []string{"job (linux, 1)", "job (linux, 2)", "job (win, 2)"}},
		"the example of the documentation": {
			"runs-on: x\nstrategy:\n  matrix:\n    fruit: [apple, pear]\n    animal: [cat, dog]\n" +
				"    include:\n      - color: green\n      - color: pink\n        animal: cat\n" +
				"      - fruit: apple\n        shape: circle\n      - fruit: banana\n" +
				"      - fruit: banana\n        animal: cat",
			[]string{
				"job (apple, cat, pink, circle)", "job (apple, dog, green, circle)", "job (pear, cat, pink)", "job (pear, dog, green)",
				"job (banana)", "job (banana, cat)",
			},
		},
		"include alone":         {"runs-on: x\nstrategy:\n  matrix:\n    include:\n      - {os: linux}\n      - {os: win}", []string{"job (linux)", "job (win)"}},
		"a list from an output": {"runs-on: x\nstrategy:\n  matrix:\n    item: ${{ fromJSON(needs.b.outputs.list) }}", []string{"job (p)", "job (q)"}},
		"a name of its own":     {"runs-on: x\nname: Test ${{ matrix.os }}\nstrategy:\n  matrix:\n    os: [linux]", []string{"Test linux"}},
		"a name without matrix": {"runs-on: x\nname: Test\nstrategy:\n  matrix:\n    os: [linux]", []string{"Test (linux)"}},
		"objects as values":     {"runs-on: x\nstrategy:\n  matrix:\n    v: [{a: 1, b: true}]", []string{"job (1, true)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := names(t, test.job)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMatrixErrorsNameTheJob(t *testing.T) {
	for name, job := range map[string]string{
		"an empty list":             "runs-on: x\nstrategy:\n  matrix:\n    item: ${{ fromJSON(needs.b.outputs.empty) }}",
		"exclude of an unknown key": "runs-on: x\nstrategy:\n  matrix:\n    os: [a]\n    exclude:\n      - arch: b",
		"no list":                   "runs-on: x\nstrategy:\n  matrix:\n    item: ${{ needs.b.result }}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := names(t, job)
			if err == nil || !strings.Contains(err.Error(), `"job"`) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestStrategyLimits(t *testing.T) {
	strategy, err := parse(t, "runs-on: x\nstrategy:\n  fail-fast: false\n  max-parallel: 2\n  matrix:\n    n: [1, 2, 3]").Expand(scope())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"fail-fast": false, "job-index": 1, "job-total": 3, "max-parallel": 2}
	if diff := cmp.Diff(want, strategy.Context(1, len(strategy.Combinations))); diff != "" {
		t.Error(diff)
	}
}

func TestRunsOn(t *testing.T) {
	tests := map[string]struct {
		job  string
		want workflow.Target
	}{
		"a string": {"runs-on: linux", workflow.Target{Labels: []string{"linux"}}},
		"a list": {
			"runs-on: [self-hosted, 'run-id=${{ github.run_id }}', '${{ inputs.size }}cpu']",
			workflow.Target{Labels: []string{"self-hosted", "run-id=123", "16cpu"}},
		},
		"an expression":       {"runs-on: runs-fleet/cpu=${{ inputs.size }}/pool=${{ vars.POOL }}", workflow.Target{Labels: []string{"runs-fleet/cpu=16/pool=big"}}},
		"a list as JSON":      {"runs-on: ${{ fromJSON('[\"a\",\"b\"]') }}", workflow.Target{Labels: []string{"a", "b"}}},
		"a group":             {"runs-on: {group: big}", workflow.Target{Group: "big"}},
		"a group with labels": {"runs-on: {group: big, labels: [a]}", workflow.Target{Group: "big", Labels: []string{"a"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, test.job).RunsOn(scope())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := parse(t, "runs-on: ${{ vars.NONE }}").RunsOn(scope()); err == nil {
		t.Error("an empty label must be an error")
	}
}

func TestConditions(t *testing.T) {
	tests := []struct {
		condition string
		a, b      string // results of the ancestors
		cancelled bool
		want      bool
	}{
		{"", "success", "success", false, true},
		{"", "failure", "skipped", false, false},
		{"", "success", "skipped", false, false},
		{"failure()", "failure", "skipped", false, true}, // an ancestor, not only a direct need
		{"failure()", "success", "success", false, false},
		{"always()", "failure", "skipped", false, true},
		{"always()", "success", "success", true, true},
		{"cancelled()", "success", "cancelled", true, true},
		{"cancelled()", "success", "success", false, false},
		{"success()", "success", "success", true, false},
		{"!cancelled()", "failure", "failure", false, true},
		{"github.ref_name == 'main'", "success", "success", false, true},
		{"${{ github.ref_name != 'main' }}", "success", "success", false, false},
		{"github.ref_name == 'main'", "failure", "failure", false, false}, // success() is added
		{"always() && needs.b.result == 'failure'", "success", "failure", false, true},
		{"${{ github.ref_name }} == 'other'", "success", "success", false, true}, // text, which is true: GitHub's known trap
		{"contains(needs.b.outputs.list, 'q')", "success", "success", false, true},
	}
	for _, test := range tests {
		s := scope()
		s.Results = map[string]string{"a": test.a, "b": test.b}
		s.Needs = map[string]exprparser.Needs{"b": {Result: test.b, Outputs: map[string]string{"list": "p q"}}}
		s.Cancelled = test.cancelled
		got, err := s.Condition(test.condition)
		if err != nil || got != test.want {
			t.Errorf("%q after %s, %s, cancelled %v = %v, %v; want %v", test.condition, test.a, test.b, test.cancelled, got, err, test.want)
		}
	}
	if _, err := scope().Condition("nonsense("); err == nil {
		t.Error("a broken condition must be an error")
	}
}

func TestJobSettings(t *testing.T) {
	j := parse(t, "runs-on: x\ntimeout-minutes: ${{ fromJSON(inputs.size) }}\n"+
		"continue-on-error: ${{ true }}\nenvironment:\n  name: prod-${{ github.ref_name }}\n"+
		"concurrency:\n  group: g-${{ github.run_id }}\n  cancel-in-progress: true")
	if minutes, err := j.Timeout(scope()); err != nil || minutes != 16 {
		t.Errorf("Timeout = %v, %v", minutes, err)
	}
	if tolerated, err := j.Tolerated(scope()); err != nil || !tolerated {
		t.Errorf("Tolerated = %v, %v", tolerated, err)
	}
	if environment, err := j.Environment(scope()); err != nil || environment != "prod-main" {
		t.Errorf("Environment = %q, %v", environment, err)
	}
	if group, cancel, err := j.Concurrency.Evaluate(scope()); err != nil || group != "g-123" || !cancel {
		t.Errorf("Concurrency = %q, %v, %v", group, cancel, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"no YAML":            "on: [",
		"an unknown key":     "on: push\njobs:\n  a:\n    runs-on: x\n    stepz: []\n",
		"no jobs":            "on: push\n",
		"a need that is not": "on: push\njobs:\n  a:\n    runs-on: x\n    needs: b\n    steps: [{run: a}]\n",
		"a cycle": "on: push\njobs:\n  a:\n    runs-on: x\n    needs: b\n    steps: [{run: a}]\n  b:\n" +
			"    runs-on: x\n    needs: a\n    steps: [{run: a}]\n",
		"a reusable workflow": "on: push\njobs:\n  a:\n    uses: ./.github/workflows/b.yml\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := workflow.Parse([]byte(content)); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestAncestorsAreEachNamedOnce(t *testing.T) {
	file, err := workflow.Parse([]byte("on: push\njobs:\n  a: {runs-on: x, steps: [{run: a}]}\n" +
		"  b: {runs-on: x, needs: a, steps: [{run: a}]}\n" +
		"  c: {runs-on: x, needs: a, steps: [{run: a}]}\n" +
		"  d: {runs-on: x, needs: [b, c], steps: [{run: a}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b", "c", "a"}, file.Ancestors("d")); diff != "" {
		t.Error(diff)
	}
}

func TestAnyTextWithoutExpressionsInterpolatesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z0-9 '/=.{}()-]*`).Draw(t, "text")
		got, err := scope().Interpolate(text)
		if err != nil || got != text {
			t.Fatalf("Interpolate(%q) = %q, %v", text, got, err)
		}
	})
}
