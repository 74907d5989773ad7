package controller

import (
	"cmp"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// mayServe says whether jobs of a shape may take machines of a pool: they name it, or it serves those that do not name one.
func mayServe(p fleet.Pool, s fleet.Shape) bool {
	if p.Environment != s.Environment {
		return false // Isolation
	}
	if s.Spec.Pool != "" {
		return s.Spec.Pool == p.Name
	}
	return p.MatchSpec
}

// fits says whether a machine that was made to be one thing serves for another. A job that names the pool takes a larger
// machine too; for others the spec's upper bounds hold, as they would for a launch. Of a type that is not in the catalogue,
// such as a process of this computer, the size is not known and not asked for, as in a launch. Pure.
func fits(want, is fleet.Spec, known bool, t catalog.Type) bool {
	named := want.Pool != ""
	switch {
	case want.OS != is.OS, len(is.Archs) > 0 && !slices.ContainsFunc(is.Archs, func(a fleet.Arch) bool { return slices.Contains(want.Archs, a) }):
		return false
	case want.Image != "" && want.Image != is.Image, want.Private && !is.Private:
		return false
	case want.Disk.SizeGB > is.Disk.SizeGB, want.Disk.IOPS > is.Disk.IOPS, want.Disk.ThroughputMBps > is.Disk.ThroughputMBps,
		want.Disk.Type != "" && want.Disk.Type != is.Disk.Type:
		return false
	case len(want.Regions) > 0 && len(is.Regions) > 0 && !slices.Contains(want.Regions, is.Regions[0]):
		return false
	case !known:
		return true
	case want.CPU.Min > t.VCPU, float64(want.RAM.Min) > t.MemoryGiB:
		return false
	case named:
		return true
	}
	match, err := catalog.New([]catalog.Type{t})
	if err != nil {
		return false
	}
	_, err = match.Match(want)
	return err == nil
}

// candidate is a machine of a pool that a job may have.
type candidate struct {
	fleet.Count

	pool  fleet.ShapeKey
	price float64
}

// bestFirst puts the smallest machine that does first, then that with the smallest disk, then the one that has waited for
// longest.
func bestFirst(a, b candidate) int {
	return cmp.Or(
		cmp.Compare(a.price, b.price), cmp.Compare(a.Place.Spec.Disk.SizeGB, b.Place.Spec.Disk.SizeGB),
		a.Ready.Compare(b.Ready), cmp.Compare(a.ID.String(), b.ID.String()),
	)
}

// candidates returns the machines of one pool that a shape's jobs may have now.
func (c *Controller) poolCandidates(s fleet.Shape, k fleet.ShapeKey, machines []fleet.Count, now time.Time) []candidate {
	var out []candidate
	for _, m := range machines {
		if m.State != fleet.MachineReady || m.Place == nil || !now.Before(m.Lease) {
			continue
		}
		t, known := c.types.Type(m.Type)
		if fits(s.Spec, m.Place.Spec, known, t) {
			out = append(out, candidate{Count: m, pool: k, price: t.Price(fleet.OnDemand, s.Spec.OS)})
		}
	}
	return out
}
