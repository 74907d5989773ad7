package label_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

const guide = "../../docs/labels.md"

func readGuide(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// expression is what GitHub evaluates before a label reaches anybody.
var expression = regexp.MustCompile(`\$\{\{[^}]*\}\}`)

// runsOn reads the value of a runs-on line: one label or several.
func runsOn(t *testing.T, line string) []string {
	t.Helper()
	var job struct {
		RunsOn any `yaml:"runs-on"`
	}
	if err := yaml.Unmarshal([]byte(expression.ReplaceAllString(line, "123")), &job); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	switch v := job.RunsOn.(type) {
	case string:
		return []string{v}
	case []any:
		var labels []string
		for _, l := range v {
			text, ok := l.(string)
			if !ok {
				t.Fatalf("%s: %v is no label", line, l)
			}
			labels = append(labels, text)
		}
		return labels
	default:
		t.Fatalf("%s: runs-on is neither a label nor several", line)
		return nil
	}
}

// TestExamplesOfTheGuide: every runs-on of docs/labels.md resolves without a warning, and machines for it exist.
func TestExamplesOfTheGuide(t *testing.T) {
	types, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for line := range strings.Lines(readGuide(t)) {
		if !strings.HasPrefix(line, "runs-on:") {
			continue
		}
		examples++
		res, err := label.Resolve(runsOn(t, line), configured())
		if err != nil {
			t.Error(err)
			continue
		}
		if len(res.Warnings) > 0 {
			t.Errorf("%s: %v", line, res.Warnings)
		}
		if _, err := types.Match(res.Spec); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if examples < 10 {
		t.Errorf("only %d examples found in %s", examples, guide)
	}
}

// TestSegmentsOfTheGuide: every key and value in its text is valid, and every key has an example.
func TestSegmentsOfTheGuide(t *testing.T) {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z]+)=([^`=]+)`").FindAllStringSubmatch(readGuide(t), -1) {
		found[m[1]] = true
		segment := m[1] + "=" + m[2]
		if _, err := label.Resolve([]string{"runs-fleet=1/" + segment}, configured()); err != nil {
			t.Error(err)
		}
	}
	e, err := label.Explain([]string{"runs-fleet"}, configured())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range e.Defaults {
		if !found[d.Key] {
			t.Errorf("%s has no example of the key %s", guide, d.Key)
		}
	}
}

// TestErrorsOfTheGuide: each label of its last block gives the message beneath it.
func TestErrorsOfTheGuide(t *testing.T) {
	_, section, _ := strings.Cut(readGuide(t), "## Errors")
	_, block, _ := strings.Cut(section, "```\n")
	block, _, _ = strings.Cut(block, "```")
	examples := 0
	for pair := range strings.SplitSeq(strings.TrimSpace(block), "\n\n") {
		in, want, _ := strings.Cut(pair, "\n")
		examples++
		if _, err := label.Resolve([]string{in}, configured()); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if examples < 4 {
		t.Errorf("only %d errors found in %s", examples, guide)
	}
	if _, err := label.Resolve([]string{"runs-fleet=1,cpu=4"}, configured()); err == nil {
		t.Error("the comma is accepted")
	}
}
