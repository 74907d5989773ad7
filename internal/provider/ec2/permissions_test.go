package ec2_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
)

// TestThePageOfPermissionsListsEveryCall: what everything that the provider can do calls, as the SDK's middleware sees it, is what
// the page says.
func TestThePageOfPermissionsListsEveryCall(t *testing.T) {
	w := newWorld(t, 100)
	var tally awsclient.Tally
	groups := w.securityGroups()
	p := w.provider(func(o *ec2.Options) { o.Tally, o.Sites[0].SecurityGroups = &tally, groups })
	r := request("l-1", 1, func(r *provider.Request) { r.Market = fleet.OnDemand })
	if err := p.Check(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	id := ids(w.launch(p, r))
	w.list(p)
	if _, err := p.ConsoleLog(t.Context(), site, id[0]); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context(), site, id); err != nil && api.CodeOf(err) != "IncorrectInstanceState" {
		t.Fatal(err)
	}
	if err := p.Terminate(t.Context(), site, id); err != nil {
		t.Fatal(err)
	}
	var called []string
	for _, o := range tally.Counts().Operations() {
		called = append(called, o.Name)
	}
	slices.Sort(called)
	page, err := os.ReadFile("../../../docs/aws-permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| .* \\| `ec2:([A-Za-z]+)`").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1])
		if m[1] != m[2] {
			t.Errorf("the page gives %s the right to %s", m[1], m[2])
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(called, listed); diff != "" {
		t.Errorf("docs/aws-permissions.md (-called +listed):\n%s", diff)
	}
}
