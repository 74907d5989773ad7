package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// Layer is a set of packages with what they may import of this module. A pattern is a path below internal/ (or cmd/...);
// with "/..." it includes, as in the go command, everything below. The first layer that has a package decides.
type Layer struct {
	Name     string
	Packages []string
	May      []string
	Why      string
}

// Layers is the direction of dependencies, innermost first.
func Layers() []Layer { //nolint:funlen // a table
	domain := []string{"fleet", "label", "schedule", "catalog"}
	interfaces := []string{"seam", "store", "queue", "blob", "provider", "agentapi"}
	core := slices.Concat(domain, interfaces, []string{"record", "controller/...", "version", "pool"})
	return []Layer{
		{
			Name: "ground", Packages: []string{"seam", "version", "fleet", "spelling"},
			Why: "everything stands on these: time and randomness, the build, the domain's words, how words are misspelt",
		},
		{
			Name: "tests' ground", Packages: []string{"seam/seamtest"}, May: []string{"seam"},
			Why: "time that is moved by hand and repeatable chance are needed by tests of every package",
		},
		{
			Name: "domain", Packages: domain, May: []string{"fleet", "spelling"},
			Why: "the domain is pure, so that it can be tested and simulated without any world around it",
		},
		{
			Name: "interfaces", Packages: []string{"store", "queue", "blob"}, May: []string{"seam"},
			Why: "an interface to a backend knows nothing of what is kept in it",
		},
		{
			Name: "machines", Packages: []string{"provider"}, May: []string{"fleet"},
			Why: "a provider is asked for machines of a spec, and needs no other word of ours",
		},
		{
			Name: "agent protocol", Packages: []string{"agentapi"}, May: []string{"seam"},
			Why: "the protocol is linked into the agent, which stays small",
		},
		{
			Name: "rows", Packages: []string{"record"}, May: []string{"fleet", "store", "seam"},
			Why: "typed rows are made once, above every backend",
		},
		{
			Name: "controller", Packages: []string{"controller/..."}, May: core,
			Why: "the controller decides; whom it talks to is behind interfaces of its own",
		},
		{
			Name: "fleet configuration", Packages: []string{"fleetconfig"}, May: slices.Concat(domain, []string{"seam", "spelling"}),
			Why: "what is configured is words of the domain, and what reads it is given a clock and a file",
		},
		{
			Name: "pools", Packages: []string{"pool"}, May: domain,
			Why: "what a pool does next is decided by what is known, and whoever knows it does it",
		},
		{
			Name: "archive", Packages: []string{"archive"}, May: []string{"fleet", "blob", "seam"},
			Why: "what is kept of a machine after its end is kept in any blob store",
		},
		{
			Name: "database file", Packages: []string{"sqlitedb/..."}, May: []string{"sqlitedb", "seam"},
			Why: "the file that embedded backends share knows nothing of what they keep in it",
		},
		{
			Name: "waiting", Packages: []string{"queue/wait"}, May: []string{"queue", "seam"},
			Why: "embedded queues share how a receiver waits, and nothing of what they wait for",
		},
		{
			Name: "clients of AWS", Packages: []string{"awsclient"}, May: []string{"seam"},
			Why: "what every client of AWS shares knows none of them",
		},
		{
			Name: "backends", Packages: []string{"store/...", "queue/...", "blob/..."},
			May: []string{"store", "queue", "queue/wait", "blob", "seam", "sqlitedb", "awsclient"},
			Why: "a backend can be replaced by another, so it knows neither its users nor its siblings",
		},
		{
			Name: "machines of EC2", Packages: []string{"provider/ec2/..."},
			May: []string{"provider", "provider/ec2/...", "fleet", "catalog", "seam", "awsclient", "agentapi"},
			Why: "a provider on AWS shares its client's settings with the other backends there, and nothing else",
		},
		{
			Name: "providers", Packages: []string{"provider/..."},
			May: []string{"provider", "fleet", "catalog", "seam", "agentapi", "agent/boot", "version"},
			Why: "a provider makes machines of types that it chooses; what they are for is the controller's business",
		},
		{
			Name: "agent", Packages: []string{"agent/..."}, May: []string{"agent/...", "agentapi", "seam", "version"},
			Why: "the agent runs on the machine and shares nothing with the control plane but the protocol",
		},
		{
			Name: "simulated GitHub", Packages: []string{"githubsim/..."}, May: []string{"githubsim/...", "seam", "version"},
			Why: "a fake that shared code with its user would share its mistakes",
		},
		{
			Name: "simulated EC2", Packages: []string{"awssim/..."},
			May: []string{"awssim/...", "provider", "provider/sim", "fleet", "catalog", "seam"},
			Why: "the API stands on the simulated cloud, and shares nothing with the provider that speaks to it",
		},
		{
			Name: "test worlds", Packages: []string{"web/webtest/...", "emulator/..."}, May: []string{"..."},
			Why: "tests of the outermost layers wire a whole server, those of backends run the world around them",
		},
		{
			Name: "first boot", Packages: []string{"bootstrap"}, May: []string{"fleet"},
			Why: "what a machine does before it has an agent is known without any cloud",
		},
		{
			Name: "adapters", Packages: []string{"ingress", "github", "peers", "runnerdist", "web/..."},
			May: slices.Concat(core, []string{"web/...", "settings"}),
			Why: "an adapter joins the controller to one thing outside; adapters do not know each other",
		},
		{
			Name: "metrics", Packages: []string{"telemetry"},
			May: slices.Concat(core, []string{"ingress", "github"}),
			Why: "metrics are made of what the controller and its adapters tell; none of them knows that they are",
		},
		{
			Name: "secrets", Packages: []string{"secret"}, May: []string{"seam"},
			Why: "a secret is kept current whatever it is for, and wherever it is kept",
		},
		{
			Name: "places of secrets", Packages: []string{"secret/..."}, May: []string{"secret", "seam", "awsclient"},
			Why: "a service that keeps secrets can be replaced by another",
		},
		{
			Name: "settings", Packages: []string{"settings/..."}, May: slices.Concat(domain, []string{"seam", "version", "secret", "spelling"}),
			Why: "settings are read before anything that they set exists",
		},
		{
			Name: "programs",
			Packages: []string{
				"cmd/...", "heap", "server/...", "cli/...", "doctor/...", "setup/...", "demo/...", "endtoend/...", "guide/...", "simulate/...", "bench/...",
			},
			May: []string{"..."},
			Why: "programs wire everything together",
		},
		{
			Name: "examples", Packages: []string{"examples/..."},
			Why: "examples are files for users",
		},
		{
			Name: "checks", Packages: []string{"architecture"},
			Why: "the rules are about the code and use none of it",
		},
	}
}

// Misdirected returns the imports that no layer allows, and the packages that no layer has.
func Misdirected(layers []Layer, packages []Package) []string {
	var found []string
	for _, p := range packages {
		layer, ok := layerOf(layers, p.Rel())
		if !ok {
			found = append(found, p.Rel()+" has no layer: give it its place in internal/architecture/layers.go")
			continue
		}
		for _, imported := range p.Imports {
			if !within(imported, ModulePath) || imported == p.ImportPath {
				continue
			}
			rel := strings.TrimPrefix(imported, ModulePath+"/")
			if !anyMatches(layer.May, rel) {
				found = append(found, fmt.Sprintf("%s (%s) must not import %s: %s", p.Rel(), layer.Name, rel, layer.Why))
			}
		}
	}
	return found
}

func layerOf(layers []Layer, rel string) (Layer, bool) {
	for _, l := range layers {
		if anyMatches(l.Packages, rel) {
			return l, true
		}
	}
	return Layer{}, false
}

func anyMatches(patterns []string, rel string) bool {
	rel = strings.TrimPrefix(rel, "internal/")
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if pattern == "..." {
			return true
		}
		if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
			return within(rel, prefix)
		}
		return rel == pattern
	})
}
