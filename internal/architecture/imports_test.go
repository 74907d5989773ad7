package architecture_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

func TestImportsPointInwards(t *testing.T) {
	none(t, architecture.Misdirected(architecture.Layers(), packages(t)))
}

func TestProgramsContainOnlyWhatTheyMay(t *testing.T) {
	none(t, architecture.Contraband(architecture.Bans(), packages(t)))
}

func TestMisdirectedFindsWrongImports(t *testing.T) {
	layers := []architecture.Layer{
		{Name: "ground", Packages: []string{"fleet"}, Why: "it is the ground"},
		{Name: "backends", Packages: []string{"store/..."}, May: []string{"fleet", "store"}, Why: "siblings"},
		{Name: "programs", Packages: []string{"cmd/..."}, May: []string{"..."}},
	}
	own := func(rel string) string { return architecture.ModulePath + "/" + rel }
	got := architecture.Misdirected(layers, []architecture.Package{
		{ImportPath: own("internal/fleet"), Imports: []string{"time", own("internal/store")}},
		{ImportPath: own("internal/store"), Imports: []string{"time", own("internal/fleet")}},
		{ImportPath: own("internal/store/sqlite"), Imports: []string{own("internal/store"), own("internal/store/memory")}},
		{ImportPath: own("internal/novelty")},
		{ImportPath: own("cmd/runs-fleet"), Imports: []string{own("internal/store/sqlite")}},
	})
	want := []string{
		"internal/fleet (ground) must not import internal/store: it is the ground",
		"internal/store/sqlite (backends) must not import internal/store/memory: siblings",
		"internal/novelty has no layer: give it its place in internal/architecture/layers.go",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}

func TestContrabandFindsWhatIsBanned(t *testing.T) {
	bans := []architecture.Ban{
		{Of: "internal/fleet", Imports: []string{"net", "database/sql"}, Why: "pure"},
		{Of: "cmd/runs-fleet-agent", Contents: []string{"modernc.org/sqlite"}, Why: "small"},
		{Of: "internal/vanished", Imports: []string{"os"}, Why: "gone"},
	}
	got := architecture.Contraband(bans, []architecture.Package{
		{ImportPath: architecture.ModulePath + "/internal/fleet", Imports: []string{"net/netip", "database/sql/driver"}},
		{ImportPath: architecture.ModulePath + "/cmd/runs-fleet-agent", Deps: []string{"modernc.org/sqlite/lib", "modernc.org/sqlite"}},
		{ImportPath: architecture.ModulePath + "/cmd/runs-fleet", Deps: []string{"modernc.org/sqlite"}},
	})
	want := []string{
		"internal/fleet must not import database/sql/driver: pure",
		"cmd/runs-fleet-agent must not contain modernc.org/sqlite/lib: small",
		"internal/vanished is in the list of bans and does not exist: was it renamed?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong findings (-want +got):\n%s", diff)
	}
}
