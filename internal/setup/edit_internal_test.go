package setup

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// TestEditIsReadBack holds that any value survives being written, and that other keys keep theirs.
func TestEditIsReadBack(t *testing.T) {
	value := rapid.StringMatching(`[ -~]{1,40}`).Filter(func(s string) bool { return s[0] != ' ' && s[len(s)-1] != ' ' })
	read := func(t *rapid.T, content string) settings.Settings {
		s, err := settings.Load(settings.Sources{
			File: "settings.yml", ReadFile: func(string) ([]byte, error) { return []byte(content), nil },
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		return s
	}
	rapid.Check(t, func(t *rapid.T) {
		agent, before, after := value.Draw(t, "agent"), value.Draw(t, "before"), value.Draw(t, "after")
		owners := rapid.SliceOfNDistinct(value, 1, 4, rapid.ID[string]).Draw(t, "owners")
		content := edit("# a comment\n", []change{setList("owner", []string{before, "x"}), set("agent", agent), set("external_url", before)})
		if got := read(t, content); got.Agent != agent || got.ExternalURL != before {
			t.Fatalf("%+v\n%s", got, content)
		}
		content = edit(content, []change{set("external_url", after), setList("owner", owners), {key: "runner_dir"}})
		got := read(t, content)
		if got.Agent != agent || got.ExternalURL != after || !slices.Equal(got.Owners, owners) {
			t.Fatalf("%+v\n%s", got, content)
		}
		if content = edit(content, []change{{key: "owner"}}); len(read(t, content).Owners) != 0 {
			t.Fatal(content)
		}
	})
}
