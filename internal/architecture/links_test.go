package architecture_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

func TestLinksLeadSomewhere(t *testing.T) {
	_, module := root(t)
	none(t, architecture.DeadLinks(module, documents(t, ".md")))
}

func TestDocumentsCanBeFound(t *testing.T) { none(t, architecture.Orphans(documents(t, ".md"))) }

func TestNamedRulesExist(t *testing.T) {
	_, module := root(t)
	protocol, err := fs.ReadFile(module, "docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	var code []architecture.Document
	for _, d := range documents(t, ".go", ".md") {
		if d.Path != "internal/architecture/links_test.go" { // which names one that there is not
			code = append(code, d)
		}
	}
	none(t, architecture.UnknownRules(string(protocol), code))
}

func TestDeadLinksFindsThem(t *testing.T) {
	module := fstest.MapFS{"docs/a.md": {}, "docs/img/p.svg": {}, "README.md": {}}
	got := architecture.DeadLinks(module, []architecture.Document{{
		Path: "docs/a.md",
		Text: `[up](../README.md#use) [gone](b.md) <img src="img/p.svg"> <img src="img/q.svg">
[web](https://example.com/x) [here](#there) [out](../../other/notes.md)`,
	}})
	want := []string{
		"docs/a.md links to b.md, which does not exist",
		"docs/a.md links to img/q.svg, which does not exist",
		"docs/a.md links to ../../other/notes.md, outside of the project",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}

func TestUnknownTargetsFindsThem(t *testing.T) {
	makefile := "test: ## check\n\tgo test\nsecret:\n\ttrue\n"
	got := architecture.UnknownTargets(makefile, []architecture.Document{{
		Path: "README.md",
		Text: "```sh\nmake test\nmake secret\n```\n\nWe make do.\n\n```sh\nmake demo # look\n```\n",
	}})
	want := []string{
		"README.md:2 tells people to run `make secret`, which the Makefile does not explain",
		"README.md:9 tells people to run `make demo`, which the Makefile does not explain",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}

func TestOrphansFindsThem(t *testing.T) {
	got := architecture.Orphans([]architecture.Document{
		{Path: "README.md", Text: "[a](docs/a.md#use)"},
		{Path: "docs/a.md", Text: "[b](deep/b.md)"},
		{Path: "docs/deep/b.md", Text: "[up](../a.md)"},
		{Path: "docs/c.md"},
	})
	if diff := cmp.Diff([]string{"docs/c.md is linked from no document: nobody will find it"}, got); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}

func TestUnknownRulesFindsThem(t *testing.T) {
	got := architecture.UnknownRules("- **1.2** Count.\n- **1.10** Retire.\n", []architecture.Document{
		{Path: "a.go", Text: "// rule 1.2\n// Rules 1.10 and 1.2, rule 1.1\n"},
	})
	if diff := cmp.Diff([]string{"a.go:2 names rule 1.1, which docs/protocol.md does not have"}, got); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}
