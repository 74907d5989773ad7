package setup_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/setup"
)

// What the guide says of permissions and events is what the App asks for.
func TestTheGuideListsThePermissions(t *testing.T) {
	text, err := os.ReadFile("../../docs/github-app.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## The permissions\n")
	if !found {
		t.Fatal("the guide has no section about the permissions")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []setup.Permission
	for _, row := range regexp.MustCompile(`(?m)^\| (.+) \| (.+) \| (.+) \|(?: (.*))? \|$`).FindAllStringSubmatch(section, -1) {
		if row[1] == "permission" {
			continue
		}
		level := map[string]string{"read": "read", "read and write": "write"}[row[2]]
		documented = append(documented, setup.Permission{
			Key: keyOf(row[1]), Name: row[1], Level: level, Why: row[3], Token: strings.TrimSpace(row[4]) == "yes",
		})
	}
	if diff := cmp.Diff(setup.Permissions(), documented); diff != "" {
		t.Errorf("docs/github-app.md and setup.Permissions differ (-asked for +documented):\n%s", diff)
	}
	if events := "Events: `" + strings.Join(setup.Events(), "`, `") + "`."; !strings.Contains(section, events) {
		t.Errorf("docs/github-app.md does not say %q", events)
	}
}

// keyOf finds the key by the name: the guide has only what GitHub's pages show.
func keyOf(name string) string {
	for _, p := range setup.Permissions() {
		if p.Name == name {
			return p.Key
		}
	}
	return ""
}
