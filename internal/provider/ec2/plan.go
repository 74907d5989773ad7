package ec2

import (
	"errors"
	"fmt"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// maxOverrides is how many pools one launch names at most. EC2 allows 300 (page "API_FleetLaunchTemplateConfigRequest"); sixty
// are enough for every choice that matters, and their errors fit into an answer.
const maxOverrides = 60

// Bounds of a launch (rules 1.12 and 2.2; the token of page "ec2-api-idempotency").
const (
	maxCount = fleet.MaxLaunchCount
	maxToken = 64
)

// defaultDiskGB is the root volume of a spec that names no size.
const defaultDiskGB = 40

// checkRequest refuses what no site could launch.
func checkRequest(r provider.Request) error {
	plain := func(token string) bool {
		return token != "" && len(token) <= maxToken && !slices.ContainsFunc([]byte(token), func(b byte) bool { return b < '!' || b > '~' })
	}
	switch {
	case r.Count < 1 || r.Count > maxCount:
		return invalid("%d machines; a launch has 1 to %d", r.Count, maxCount)
	case !plain(r.LaunchID):
		return invalid("the launch id %q must have 1 to %d ASCII characters", r.LaunchID, maxToken)
	case r.Market != fleet.Spot && r.Market != fleet.OnDemand:
		return invalid("a launch is either spot or on-demand, not %q", r.Market)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", provider.ErrInvalid, fmt.Sprintf(format, args...))
}

// plan decides what a launch will ask for: the types that satisfy the spec, cheapest first, evenly over the zones (failure modes
// D6, D9), on one architecture (failure mode D7). It is pure and depends on nothing else.
func plan(r provider.Request, s Site, fleetID string, inv *Inventory) (frozen, error) {
	if err := checkRequest(r); err != nil {
		return frozen{}, err
	}
	spec := r.Spec
	spec.Market = r.Market
	if err := narrow(&spec, inv); err != nil {
		return frozen{}, err
	}
	match, err := inv.catalog.Match(spec)
	if err != nil {
		return frozen{}, fmt.Errorf("%w: %w", provider.ErrInvalid, err)
	}
	image, _ := inv.image(spec.Image, spec.OS, match.Candidates[0].Arch) // narrow has seen to it
	disk, err := rootDisk(spec.Disk, image)
	if err != nil {
		return frozen{}, err
	}
	pools := spread(match.Candidates, zonesFor(spec, inv.Zones))
	if len(pools) == 0 {
		return frozen{}, noPool(spec, s.Site.Region)
	}
	return frozen{
		Format: frozenFormat, Template: templateFor(s, fleetID, onShutdown(r)).name, Version: pinnedVersion,
		Image: image.ID, Device: image.Device, Disk: disk, Profile: s.Profile, Pools: pools,
		Tags: tags(fleetID, r.LaunchID, r.Site, s.Tags, r.Pool),
	}, nil
}

// narrow leaves the architectures for which there is an image.
func narrow(spec *fleet.Spec, inv *Inventory) error {
	have := inv.archs(spec.Image, spec.OS)
	if len(have) == 0 && spec.Image != "" {
		return invalid("there is no image %q for %s; there are: %s", spec.Image, spec.OS, inv.imageNames())
	}
	wanted := spec.Archs
	if len(wanted) == 0 {
		wanted = []fleet.Arch{fleet.AMD64, fleet.ARM64}
	}
	spec.Archs = slices.DeleteFunc(slices.Clone(wanted), func(a fleet.Arch) bool { return !slices.Contains(have, a) })
	if len(spec.Archs) == 0 {
		return invalid("there is no image for %s on %v", spec.OS, wanted)
	}
	return nil
}

// zonesFor are the zones that a spec allows.
func zonesFor(spec fleet.Spec, zones []Zone) []Zone {
	return slices.DeleteFunc(slices.Clone(zones), func(z Zone) bool { return spec.Private && z.Public })
}

func noPool(spec fleet.Spec, region string) error {
	if spec.Private {
		return invalid("no zone of %s with a private subnet offers a type that satisfies the spec", region)
	}
	return invalid("no zone of %s offers a type that satisfies the spec", region)
}

// pool is the types that are asked for in one subnet.
type pool struct {
	Subnet string   `json:"subnet"`
	Types  []string `json:"types"` // cheapest first
}

// spread gives each zone its next cheapest type in turn, until there are enough or no zone has another one. So a zone that
// lacks the newest types gets as many as the others, of older ones.
func spread(candidates []catalog.Candidate, zones []Zone) []pool {
	pools := make([]pool, len(zones))
	next := make([]int, len(zones))
	for n, more := 0, true; more; {
		more = false
		for i, z := range zones {
			if n == maxOverrides {
				break
			}
			for next[i] < len(candidates) {
				name := candidates[next[i]].Name
				next[i]++
				if _, offered := slices.BinarySearch(z.Offered, name); offered {
					pools[i].Subnet = z.Subnet
					pools[i].Types = append(pools[i].Types, name)
					n++
					more = n < maxOverrides
					break
				}
			}
		}
	}
	return slices.DeleteFunc(pools, func(p pool) bool { return len(p.Types) == 0 })
}

// disk is the root volume.
type disk struct {
	GB         int    `json:"gb"`
	Type       string `json:"type"`
	IOPS       int    `json:"iops,omitempty"`
	Throughput int    `json:"throughput,omitempty"` // MiB/s
}

// The kinds of volumes that can be a root (page "API_FleetEbsBlockDeviceRequest"): throughput can be chosen for gp3 only.
const gp3 = "gp3"

func rootDisk(want fleet.Disk, image FoundImage) (disk, error) {
	d := disk{GB: want.SizeGB, Type: want.Type, IOPS: want.IOPS, Throughput: want.ThroughputMBps}
	if d.GB == 0 {
		d.GB = max(defaultDiskGB, image.MinGB)
	}
	if d.Type == "" {
		d.Type = gp3
	}
	provisioned := d.Type == "io1" || d.Type == "io2"
	switch {
	case d.GB < image.MinGB:
		return disk{}, invalid("a disk of %d GiB is smaller than the image %s, which has %d", d.GB, image.ID, image.MinGB)
	case d.Type != gp3 && d.Type != "gp2" && !provisioned:
		return disk{}, invalid("a root volume is gp3, gp2, io1 or io2, not %q", d.Type)
	case d.Type != gp3 && d.Throughput > 0:
		return disk{}, invalid("throughput can be chosen for gp3 only, not for %s", d.Type)
	case provisioned && d.IOPS == 0:
		return disk{}, invalid("a volume of type %s needs a number of iops", d.Type)
	case d.Type == "gp2" && d.IOPS > 0:
		return disk{}, invalid("iops cannot be chosen for gp2")
	}
	return d, nil
}

// What a shutdown from within does (rule 7.2): a machine of a pool stops, one that is launched for a job ends, also when its label
// names a pool that had none left. A one-time spot instance cannot be stopped (page "stop-spot-instances"; failure
// mode E6).
const (
	stopOnShutdown      = "stop"
	terminateOnShutdown = "terminate"
)

func onShutdown(r provider.Request) string {
	if r.Pool != "" && r.Market == fleet.OnDemand {
		return stopOnShutdown
	}
	return terminateOnShutdown
}

var errUnknownSite = errors.New("no subnets are configured for it")
