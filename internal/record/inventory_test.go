package record_test

import (
	"bytes"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

func TestInventoriesAreKeptForEachSite(t *testing.T) {
	kept := record.Inventories{Records: record.New(memory.New(seam.System{}, memory.Options{}))} // which has DynamoDB's limits
	here, there := fleet.Site{Environment: "prod", Region: "eu-west-1"}, fleet.Site{Environment: "prod", Region: "us-east-1"}
	large := bytes.Repeat([]byte(`{"name":"c7i.large","vcpu":2,"memory_gib":4}`), 20_000)
	for _, content := range [][]byte{[]byte("{}"), large} {
		if err := kept.Save(t.Context(), here, content); err != nil {
			t.Fatal(err)
		}
		got, err := kept.Load(t.Context(), here)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes come back as %d: %v", len(content), len(got), err)
		}
	}
	if got, err := kept.Load(t.Context(), there); err != nil || got != nil {
		t.Errorf("another site has %d bytes: %v", len(got), err)
	}
}
