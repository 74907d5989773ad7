package architecture_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

func documents(t *testing.T, extensions ...string) []architecture.Document {
	t.Helper()
	_, module := root(t)
	list, err := architecture.Documents(module, extensions...)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("no document with %v was found", extensions)
	}
	return list
}

func TestWordsHaveTheirPlace(t *testing.T) {
	none(t, architecture.Misworded(documents(t, ".md", ".go", ".sh", ".yml", ".yaml", ".html")))
}

func TestMiswordedFindsThem(t *testing.T) {
	got := architecture.Misworded([]architecture.Document{{
		Path: "a.md",
		Text: "All is well.\nTO" + "DO: more\nCached for" + " now in `/ro" + "ot/cache`, informally.\n",
	}})
	if len(got) != 3 {
		t.Errorf("found %d of 3: %q", len(got), got)
	}
}

func TestBlocks(t *testing.T) {
	got := architecture.Blocks(architecture.Document{Path: "a.md", Text: "x\n```sh test slow\none\ntwo\n```\n- list\n  ```\n  raw\n  ```\n"})
	want := []architecture.Block{
		{Document: "a.md", Line: 3, Info: []string{"sh", "test", "slow"}, Text: "one\ntwo\n"},
		{Document: "a.md", Line: 8, Info: []string{}, Text: "  raw\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong blocks (-want +got):\n%s", diff)
	}
	for marks, is := range map[string]bool{"test": true, "slow": true, "est": false} {
		if got[0].Is("sh", marks) != is {
			t.Errorf("block %v with mark %q: %v, want %v", got[0].Info, marks, !is, is)
		}
	}
	if got[1].Is("sh") {
		t.Error("a block without a language is taken for a shell's")
	}
}
