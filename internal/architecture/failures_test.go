package architecture_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

func TestFailureModesAreCovered(t *testing.T) {
	_, module := root(t)
	text, err := fs.ReadFile(module, "docs/failure-modes.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(architecture.FailureModes(string(text))); n < 200 {
		t.Errorf("the table has %d rows: its form is no longer understood", n)
	}
	none(t, architecture.Uncovered(module, string(text), sources(t)))
}

func TestUncoveredFindsThem(t *testing.T) {
	module := fstest.MapFS{"internal/a/a.go": {}}
	var list []architecture.Source
	for path, text := range map[string]string{
		"internal/a/a_test.go": `package a
func TestOne(t *testing.T) { // failure mode A1
	if true { // failure modes A2, B9 and
		t.Log() // failure mode A3
	}
}

func TestTwo(t *testing.T) {}

// failure mode A6
func TestThree(t *testing.T) {}
`,
		"internal/a/atest/suite.go": "package atest\n\n// failure mode A5\nfunc suite() {}\n",
	} {
		s, err := architecture.Parse(path, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	got := architecture.Uncovered(module, "| id | what | why | by |\n|---|---|---|---|\n"+
		"| A1 | a | b | `a TestOne` |\n"+ // as it is to be
		"| A2 | a | b | by construction: `internal/a/b.go` |\n"+ // the file is not there
		"| A3 | a | b | open: more |\n"+ // a test of a part
		"| A4 | a | b | `a TestTwo`, `a TestFour` |\n"+ // one does not say so, one does not exist
		"| A5 | a | b | `a TestTwo` |\n"+ // by a suite
		"| A6 | a | b | tested well |\n"+
		"| A7 | a | b | by construction: of course |\n"+
		"| A9 | a | b | by construction: `internal/a/a.go` |\n", list)
	want := map[string]bool{
		"docs/failure-modes.md:10: A9 does not follow A7":                                                true,
		"docs/failure-modes.md:4: A2 names internal/a/b.go, which does not exist":                        true,
		"docs/failure-modes.md:6: A4 names the test \"a TestTwo\", which does not say `failure mode A4`": true,
		"docs/failure-modes.md:6: A4 names the test \"a TestFour\", which does not exist":                true,
		"docs/failure-modes.md:8: A6 is covered neither by tests, nor by construction, nor open":         true,
		"docs/failure-modes.md:9: A7 says by construction and names no file":                             true,
		"internal/a/a_test.go:3 names failure mode B9, which docs/failure-modes.md does not have":        true,
	}
	gotSet := map[string]bool{}
	for _, f := range got {
		gotSet[f] = true
	}
	if diff := cmp.Diff(want, gotSet); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}
