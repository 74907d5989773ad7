package runner_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/runner"
)

func conclusions(steps []runner.Step) []string {
	var list []string
	for _, step := range steps {
		list = append(list, step.Name+": "+step.Conclusion)
	}
	return list
}

// within checks that the log holds the lines, in this order.
func within(t *testing.T, log string, lines ...string) {
	t.Helper()
	rest := log
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line+"\n")
		if !found {
			t.Fatalf("the log lacks, or has too early, the line %q:\n%s", line, log)
		}
		rest = after
	}
}

func TestJobSucceeds(t *testing.T) {
	t.Parallel()
	done, log := run(t, job("build", `
on: push
jobs:
  build:
    runs-on: runs-fleet=${{ github.run_id }}/cpu=2
    env: { LEVEL: job }
    steps:
      - run: echo "hello from $LEVEL, $GITHUB_REPOSITORY at $GITHUB_REF_NAME, run $GITHUB_RUN_ID of $GITHUB_ACTOR"
      - name: Variables of later steps
        run: |
          echo "COLOUR=green" >> "$GITHUB_ENV"
          echo "# Summary" >> "$GITHUB_STEP_SUMMARY"
          mkdir tools && printf '#!/bin/sh\necho tool runs\n' > tools/tool && chmod +x tools/tool
          echo "$PWD/tools" >> "$GITHUB_PATH"
      - run: |
          tool
          echo "$COLOUR ${{ env.COLOUR }} ${{ github.sha }}"
          echo "in $PWD"; [ "$PWD" = "$GITHUB_WORKSPACE" ] && [ "$PWD" -ef "${{ github.workspace }}" ] && ls -A
          test -t 1 && echo terminal; cat
          jq -r .ref "$GITHUB_EVENT_PATH" 2>/dev/null || grep -o refs/heads/main "$GITHUB_EVENT_PATH"
`))
	if done.Conclusion != runner.Success {
		t.Fatalf("concluded %s:\n%s", done.Conclusion, log)
	}
	within(t, log,
		"Current runner version: '"+runner.Version+"'",
		"Runner name: 'fleet-7'",
		"hello from job, acme/demo at main, run 1000 of octocat",
		"##[group]Run Variables of later steps",
		"tool runs",
		"green green 0123456789abcdef0123456789abcdef01234567",
		"tools",
		"refs/heads/main",
	)
	if strings.Contains(log, "terminal") || strings.Contains(log, "##[error]") || !strings.Contains(log, "/_work/demo/demo\n") {
		t.Errorf("a terminal, an error or another workspace:\n%s", log)
	}
	want := []string{
		"Set up job: success",
		`Run echo "hello from job, acme/demo at main, run 1000 of octocat": success`,
		"Variables of later steps: success", "Run tool: success", "Complete job: success",
	}
	want[1] = `Run echo "hello from $LEVEL, $GITHUB_REPOSITORY at $GITHUB_REF_NAME, run $GITHUB_RUN_ID of $GITHUB_ACTOR": success`
	if diff := cmp.Diff(want, conclusions(done.Steps)); diff != "" {
		t.Error(diff)
	}
	for _, step := range done.Steps {
		if step.StartedAt == nil || step.CompletedAt == nil || step.CompletedAt.Before(*step.StartedAt) {
			t.Errorf("step %q ran from %v to %v", step.Name, step.StartedAt, step.CompletedAt)
		}
	}
}

func TestJobFails(t *testing.T) {
	t.Parallel()
	done, log := run(t, job("build", `
on: push
jobs:
  build:
    runs-on: x
    steps:
      - { name: tolerated, run: exit 9, continue-on-error: true }
      - name: breaks
        run: |
          for i in 1 2 3 4 5; do echo "line $i"; done
          printf 'last words'
          exit 3
      - { name: not reached, run: echo never }
      - { name: on failure, if: failure(), run: echo sorry }
      - name: in any case
        if: always()
        run: echo "was ${{ job.status }}"
`))
	if done.Conclusion != runner.Failure {
		t.Errorf("concluded %s", done.Conclusion)
	}
	within(t, log, "line 1", "line 5", "last words", "##[error]Process completed with exit code 3.", "sorry", "was failure")
	if strings.Contains(log, "never") {
		t.Error("a step ran after a failed one")
	}
	want := []string{
		"Set up job: success", "tolerated: success", "breaks: failure", "not reached: skipped", "on failure: success",
		"in any case: success", "Complete job: success",
	}
	if diff := cmp.Diff(want, conclusions(done.Steps)); diff != "" {
		t.Error(diff)
	}
}

func TestOutputsNeedsAndSecrets(t *testing.T) {
	t.Parallel()
	definition := job("report", `
on: push
jobs:
  build: { runs-on: x, outputs: { version: "unused" }, steps: [ { run: "echo no" } ] }
  lint: { runs-on: x, steps: [ { run: "echo no" } ] }
  report:
    needs: [build, lint]
    if: needs.lint.result == 'success'
    runs-on: x
    outputs:
      both: ${{ needs.build.outputs.version }}-${{ steps.mine.outputs.word }}
      many: ${{ steps.mine.outputs.many }}
      empty: ${{ steps.mine.outputs.nothing }}
      leak: ${{ steps.mine.outputs.leak }}
    steps:
      - id: mine
        run: |
          echo "word=ready" >> "$GITHUB_OUTPUT"
          printf 'many<<END\n1\n2\nEND\n' >> "$GITHUB_OUTPUT"
          echo "leak=$KEY" >> "$GITHUB_OUTPUT"
          echo "lint was ${{ needs.lint.result }}, the key is $KEY, and ${{ vars.PLACE }}"
          echo "::add-mask::later-secret"
          echo "also later-secret"
          echo "$LINES_OF_KEY"
        env:
          KEY: ${{ secrets.KEY }}
          LINES_OF_KEY: ${{ secrets.LINES }}
`)
	definition.Needs = map[string]runner.Need{
		"build": {Result: "success", Outputs: map[string]string{"version": "1.2"}},
		"lint":  {Result: "failure"},
	}
	definition.Secrets["KEY"] = "s3cr3t-value"
	definition.Secrets["LINES"] = "first-line\nsecond-line"
	definition.Vars["PLACE"] = "here"
	done, log := run(t, definition)
	if done.Conclusion != runner.Success {
		t.Fatalf("concluded %s; the server has already evaluated the job's condition:\n%s", done.Conclusion, log)
	}
	if diff := cmp.Diff(map[string]string{"both": "1.2-ready", "many": "1\n2"}, done.Outputs); diff != "" {
		t.Error(diff)
	}
	within(t, log, "lint was failure, the key is ***, and here", "also ***", "##[warning]Skip output 'leak' since it may contain secret.")
	for _, secret := range []string{"s3cr3t-value", "later-secret", "first-line", "second-line", "ghs_hidden"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

func TestMatrixOfOneCombination(t *testing.T) {
	t.Parallel()
	definition := job("hello", `
on: push
jobs:
  hello:
    strategy: { fail-fast: false, matrix: { os: [a, b, c], n: [1, 2], flags: [ { debug: true }, { debug: false } ] } }
    runs-on: ${{ matrix.os }}
    timeout-minutes: ${{ matrix.n }}
    steps:
      - run: echo "combination ${{ matrix.os }} ${{ matrix.n }} ${{ matrix.flags.debug }}, ${{ strategy.job-index }} of ${{ strategy.job-total }}"
      - { if: strategy.job-index == 3, run: echo the fourth }
`)
	definition.Name = "hello (b, 2)"
	definition.Matrix = map[string]any{"os": "b", "n": 2, "flags": map[string]any{"debug": true}}
	definition.Strategy = map[string]any{"job-index": 3, "job-total": 12}
	done, log := run(t, definition)
	if done.Conclusion != runner.Success || strings.Count(log, "combination b 2 true, 3 of 12\n") != 1 {
		t.Errorf("concluded %s:\n%s", done.Conclusion, log)
	}
	within(t, log, "the fourth")
}

func TestRefusedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ job, reason string }{
		"remote action": {
			`{ runs-on: x, steps: [ { run: echo started }, { uses: actions/checkout@v4 } ] }`,
			"##[error]step 2: it uses the remote action actions/checkout@v4, and a simulated runner fetches no code; use `run:` or a local action",
		},
		"Docker action": {
			`{ runs-on: x, steps: [ { run: echo started }, { uses: "docker://alpine:3" } ] }`,
			"##[error]step 2: it uses docker://alpine:3, and a simulated runner starts no containers",
		},
		"local action without files": {
			`{ runs-on: x, steps: [ { run: echo started }, { uses: ./.github/actions/mine } ] }`,
			"##[error]step 2: it uses the local action ./.github/actions/mine, and the workspace of a simulated runner, which fetches no code, holds no such files",
		},
		"container": {
			`{ runs-on: x, container: "node:22", steps: [ { run: echo started } ] }`,
			"##[error]this job asks for a container, which a simulated runner does not start; remove `container:`",
		},
		"services": {
			`{ runs-on: x, services: { db: { image: "redis:7" } }, steps: [ { run: echo started } ] }`,
			"##[error]this job asks for service containers, which a simulated runner does not start; remove `services:`",
		},
		"reusable workflow": {
			`{ uses: ./.github/workflows/other.yml }`,
			"##[error]this job calls the reusable workflow ./.github/workflows/other.yml, which a simulated runner does not run",
		},
		"timeout that is no number": {
			`{ runs-on: x, timeout-minutes: "${{ vars.NOTHING }}", steps: [ { run: echo started } ] }`,
			`##[error]timeout-minutes is "<nil>", which is no number of minutes`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, log := run(t, job("build", "on: push\njobs:\n  build: "+test.job+"\n"))
			if done.Conclusion != runner.Failure {
				t.Errorf("concluded %s", done.Conclusion)
			}
			within(t, log, test.reason)
			if strings.Contains(log, "\nstarted\n") {
				t.Error("a step was started")
			}
		})
	}
}

func TestEnvironmentOfTheServerDoesNotReachTheJob(t *testing.T) {
	t.Parallel()
	_, log := run(t, job("build", `
on: push
jobs: { build: { runs-on: x, steps: [ { run: "env | sort; cat /proc/self/environ | tr '\\0' '\\n'; echo HOME is $HOME" } ] } }
`), "RUNS_FLEET_WEBHOOK_SECRET=do-not-tell", "AWS_SECRET_ACCESS_KEY=nor-this", "LC_ALL=C.UTF-8")
	for _, secret := range []string{"do-not-tell", "nor-this", "JITCONFIG", "SHA_REF", "ghs_hidden", secretToken} {
		if strings.Contains(log, secret) {
			t.Errorf("the job sees %s", secret)
		}
	}
	within(t, log, "GITHUB_ACTIONS=true", "GITHUB_API_URL=http://github.test/api/v3", "GITHUB_JOB=build", "LC_ALL=C.UTF-8",
		"RUNNER_ENVIRONMENT=self-hosted", "RUNNER_NAME=fleet-7")
}
