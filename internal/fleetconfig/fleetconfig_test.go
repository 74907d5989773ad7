package fleetconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/fleetconfig"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func texts(findings []fleetconfig.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.String())
	}
	return out
}

func TestAFullFile(t *testing.T) {
	c, findings := fleetconfig.Parse(file(t, "full.yml"))
	want := []string{
		"10:5: warning: repositories of an environment has no effect yet",
		"12:5: warning: runner_group of an environment has no effect yet",
		"14:5: warning: subnets of an environment has no effect yet",
		"15:5: warning: instance_profile of an environment has no effect yet",
		"16:5: warning: tags of an environment has no effect yet",
		"17:5: warning: budget of an environment has no effect yet",
		"23:5: warning: ami of an image has no effect yet",
		"24:5: warning: bootstrap of an image has no effect yet",
		"44:5: warning: the pool wants 34 machines in schedule release-day and may have 20: running ones come first, then stopped ones",
	}
	if diff := cmp.Diff(want, texts(findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	p, ok := c.Pool("default")
	if !ok {
		t.Fatal("there is no pool default")
	}
	wantPool := fleet.Pool{
		Name: "default", Environment: "prod", Region: "us-east-1", MatchSpec: true, Max: 20, IdleTimeout: 30 * time.Minute,
		Spec: fleet.Spec{
			CPU: fleet.Range{Min: 8, Max: 16}, RAM: fleet.Range{Min: 16, Max: 64}, Families: []string{"c7g", "m7g"},
			Archs: []fleet.Arch{fleet.ARM64}, OS: fleet.Linux, Disk: fleet.Disk{SizeGB: 40}, Market: fleet.OnDemand, Regions: []string{"us-east-1"},
		},
	}
	if diff := cmp.Diff(wantPool, p.Pool); diff != "" {
		t.Errorf("pool (-want +got):\n%s", diff)
	}
	monday := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC) // 09:00 in Seoul
	if got := p.Schedule.At(monday); got.Name != "business-hours" || got.Size != (schedule.Size{Running: 10, Stopped: 20}) {
		t.Errorf("on Monday at nine applies %+v", got)
	}
	if got := p.Schedule.At(monday.Add(24 * time.Hour)); got.Name != "release-day" || got.Size != (schedule.Size{Running: 30, Stopped: 4}) {
		t.Errorf("on the release day applies %+v", got)
	}
}

func TestThePlainForm(t *testing.T) {
	c, findings := fleetconfig.Parse(file(t, "seed.yml"))
	if len(findings) > 0 {
		t.Fatalf("findings: %v", texts(findings))
	}
	p := c.Pools[0]
	if p.Spec.InstanceType != "c7g.xlarge" || !cmp.Equal(p.Spec.Archs, []fleet.Arch{fleet.ARM64}) || p.Max != 3 {
		t.Errorf("the pool is %+v", p.Pool)
	}
	friday := time.Date(2026, 11, 27, 23, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]int{friday: 3, friday.Add(6 * time.Hour): 3, friday.Add(7 * time.Hour): 1, friday.Add(24 * time.Hour): 1} {
		if got := p.Schedule.At(at).Size.Running; got != want {
			t.Errorf("at %s run %d, want %d", at, got, want)
		}
	}
}

func TestLabelsReferToTheConfiguration(t *testing.T) {
	c, _ := fleetconfig.Parse(file(t, "full.yml"))
	names := c.Labels(label.Fleet{})
	res, err := label.Resolve([]string{"runs-fleet=1/runner=build-large/pool=default"}, names)
	if err != nil {
		t.Fatal(err)
	}
	if res.Environment != "prod" || res.Spec.Pool != "default" || res.Spec.CPU.Min != 8 || res.Spec.Market != fleet.Spot {
		t.Errorf("resolved to %+v", res)
	}
	if _, err := label.Resolve([]string{"runs-fleet=1/pool=defaul"}, names); err == nil || !strings.Contains(err.Error(), "did you mean pool=default?") {
		t.Errorf("an unknown pool is answered %v", err)
	}
	if res, err := label.Resolve([]string{"ubuntu-8core"}, names); err != nil || res.Spec.CPU.Min != 8 {
		t.Errorf("a plain label of a runner resolves to %+v, %v", res, err)
	}
	seed, _ := fleetconfig.Parse(file(t, "seed.yml"))
	if res, err := label.Resolve([]string{"plain-arm"}, seed.Labels(label.Fleet{})); err != nil || res.Spec.Pool != "plain" {
		t.Errorf("a plain label of a pool resolves to %+v, %v", res, err)
	}
}
