package sim_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

func TestTagsOfOneInstanceChangeWithoutItsSiblings(t *testing.T) {
	w := newWorld(t, nil)
	made := w.create(ask("a", fleet.Spot, 2)).Instances
	before := made[1].Tags
	if err := w.CreateTags(t.Context(), region, []string{made[0].ID}, map[string]string{"job": "7"}); err != nil {
		t.Fatal(err)
	}
	found, err := w.DescribeInstances(t.Context(), region, map[string]string{"job": "7"})
	if err != nil || len(found) != 1 || found[0].ID != made[0].ID {
		t.Fatalf("with the tag: %+v, %v", found, err)
	}
	other := "8"
	if err := w.DeleteTags(t.Context(), region, []string{made[0].ID}, map[string]*string{"job": &other}); err != nil {
		t.Fatal(err)
	}
	if i, _ := w.Instance(made[0].ID, w.clock.Now()); i.Tags["job"] != "7" {
		t.Error("a tag of another value was deleted")
	}
	if err := w.DeleteTags(t.Context(), region, []string{made[0].ID}, map[string]*string{"job": nil}); err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		i, _ := w.Instance(m.ID, w.clock.Now())
		if diff := cmp.Diff(before, i.Tags); diff != "" {
			t.Errorf("%s: %s", m.ID, diff)
		}
	}
}

func TestTagsOverTheLimitChangeNothing(t *testing.T) {
	w := newWorld(t, nil)
	made := w.create(ask("a", fleet.Spot, 2)).Instances
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprintf("key-%d", i)] = "v"
	}
	many["environment"] = "v"
	err := w.CreateTags(t.Context(), region, []string{made[0].ID, made[1].ID}, many)
	var api *sim.APIError
	if !errors.As(err, &api) || api.Code != sim.CodeTagLimit {
		t.Errorf("51 tags: %v", err)
	}
	if i, _ := w.Instance(made[0].ID, w.clock.Now()); len(i.Tags) != len(made[0].Tags) {
		t.Errorf("the instance has %d tags", len(i.Tags))
	}
}

func TestAListingOfEverythingHasASmallerBucket(t *testing.T) {
	w := newWorld(t, func(o *sim.Options) { o.Limits = sim.EC2Limits() })
	calls := func(l sim.Listing) int {
		for n := range 200 {
			if _, err := w.List(t.Context(), l); err != nil {
				return n
			}
		}
		return 200
	}
	whole, bounded := calls(sim.Listing{Region: region}), calls(sim.Listing{Region: region, Bounded: true})
	if whole != 50 || bounded != 100 {
		t.Errorf("%d listings of everything and %d bounded ones at once, want 50 and 100", whole, bounded)
	}
}
