package demo

import (
	"strings"
	"testing"

	"github.com/nektos/act/pkg/model"
)

func TestExpectations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		workflow string
		build    Outcome
		deploy   Outcome
		problem  string
	}{
		"none: success":       {"name: x\n", Success, Success, ""},
		"all":                 {"# expect: failure\n", Failure, Failure, ""},
		"one":                 {"name: x\n# expect deploy: skipped\n", Success, Skipped, ""},
		"one and the others":  {"#expect:cancelled\n  # expect deploy : label-error  \n", Cancelled, LabelError, ""},
		"Windows line ends":   {"# expect: failure\r\nname: x\r\n", Failure, Failure, ""},
		"the last line wins":  {"# expect: failure\n# expect: success\n", Success, Success, ""},
		"prose is no line":    {"# We expect: a lot of this\n# what to expect of it\n", Success, Success, ""},
		"an unknown outcome":  {"name: x\n# expect: sucess\n", "", "", `line 2 expects "sucess", which is none of success, failure`}, //nolint:misspell // what is tested
		"not inside a script": {"      - run: echo '# expect: failure'\n", Success, Success, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseExpectations(test.workflow)
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), test.problem) {
					t.Fatalf("got %v, want %q", err, test.problem)
				}
				return
			}
			if err != nil || got.of("build") != test.build || got.of("deploy") != test.deploy {
				t.Errorf("build %s, deploy %s, %v; want %s, %s", got.of("build"), got.of("deploy"), err, test.build, test.deploy)
			}
		})
	}
}

// Every example is valid, asks for our runners, and names only jobs that it has.
func TestExamples(t *testing.T) {
	t.Parallel()
	chosen, err := chooseWorkflows(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(chosen) != len(order()) {
		t.Errorf("%d examples, but %d have a place in the order", len(chosen), len(order()))
	}
	for i, w := range chosen {
		if w.file != order()[i] {
			t.Errorf("example %d is %s, want %s", i, w.file, order()[i])
		}
		parsed, err := model.ReadWorkflow(strings.NewReader(w.content), true)
		if err != nil {
			t.Errorf("%s: %v", w.file, err)
			continue
		}
		for key := range w.expect.jobs {
			if parsed.GetJob(key) == nil {
				t.Errorf("%s expects something of the job %s, which it does not have", w.file, key)
			}
		}
		for key, job := range parsed.Jobs {
			if labels := job.RunsOn(); len(labels) != 1 || !strings.HasPrefix(labels[0], "runs-fleet=${{ github.run_id }}/cpu") {
				t.Errorf("%s: job %s runs on %q", w.file, key, labels)
			}
		}
	}
}

func TestBurstOfJobs(t *testing.T) {
	t.Parallel()
	chosen, err := chooseWorkflows(Options{Jobs: 300})
	if err != nil || len(chosen) != 2 {
		t.Fatalf("%d workflows, %v", len(chosen), err)
	}
	total := 0
	for _, w := range chosen {
		parsed, err := model.ReadWorkflow(strings.NewReader(w.content), true)
		if err != nil {
			t.Fatal(err)
		}
		legs, err := parsed.GetJob("job").GetMatrixes()
		if err != nil || len(legs) > maxMatrix {
			t.Errorf("%d legs, %v", len(legs), err)
		}
		total += len(legs)
	}
	if total != 300 {
		t.Errorf("%d jobs", total)
	}
}
