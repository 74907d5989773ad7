package architecture

import "fmt"

// Ban keeps packages out of a part of the module. A ban of contents concerns everything that a package contains, one of
// imports only what it names itself.
type Ban struct {
	Of       string // the package and those below it, within the module
	Imports  []string
	Contents []string
	Why      string
}

// Bans is what must stay out of where.
func Bans() []Ban {
	return []Ban{
		{
			Of: "internal/fleet", Imports: []string{"net", "os", "database/sql", "log/slog", "context"},
			Why: "the domain is pure",
		},
		{
			Of: "internal/label", Imports: []string{"net", "os", "database/sql", "log/slog", "context"},
			Why: "the domain is pure",
		},
		{
			Of: "internal/catalog", Imports: []string{"net", "database/sql", "log/slog"},
			Why: "the domain is pure",
		},
		{
			Of: "internal/controller",
			Imports: []string{
				"net/http", "net", "database/sql", "os/exec", "os", "github.com/google/go-github",
				"modernc.org/sqlite", "github.com/danielgtaylor/huma",
			},
			Contents: []string{"modernc.org/sqlite", "github.com/google", "github.com/danielgtaylor", "github.com/aws"},
			Why:      "the controller contains no SDK: it must run whole inside a simulation",
		},
		{
			Of: "cmd/runs-fleet",
			Contents: []string{
				ModulePath + "/internal/githubsim", ModulePath + "/internal/demo", "github.com/nektos/act", "testing",
			},
			Why: "the product reaches nothing fake, and a workflow interpreter is 18 MB",
		},
		{
			Of: "cmd/runs-fleet-agent",
			Contents: []string{
				ModulePath + "/internal/store", ModulePath + "/internal/queue", ModulePath + "/internal/controller",
				ModulePath + "/internal/githubsim", "github.com/google/go-github", "modernc.org/sqlite",
				"github.com/nektos/act", "github.com/danielgtaylor/huma", "testing",
			},
			Why: "the agent is downloaded by every machine that boots, and runs beside jobs that nobody trusts",
		},
	}
}

// Contraband returns what was found where it is banned, and the bans whose place does not exist.
func Contraband(bans []Ban, packages []Package) []string {
	var found []string
	for _, ban := range bans {
		exists := false
		for _, p := range packages {
			if !within(p.Rel(), ban.Of) {
				continue
			}
			exists = true
			found = append(found, hits(p.Rel(), "import", p.Imports, ban.Imports, ban.Why)...)
			found = append(found, hits(p.Rel(), "contain", p.Deps, ban.Contents, ban.Why)...)
		}
		if !exists {
			found = append(found, ban.Of+" is in the list of bans and does not exist: was it renamed?")
		}
	}
	return found
}

func hits(rel, verb string, has, banned []string, why string) []string {
	var found []string
	for _, b := range banned {
		for _, h := range has {
			if h == b || (b != "net" && b != "os" && within(h, b)) {
				found = append(found, fmt.Sprintf("%s must not %s %s: %s", rel, verb, h, why))
				break // one line for a module is enough
			}
		}
	}
	return found
}
