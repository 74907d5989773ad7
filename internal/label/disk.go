package label

import (
	"fmt"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// The bounds of EBS volumes, from the Amazon EC2 documentation of volume types, as of September 2025 when those of gp3
// rose.
type volume struct {
	minGB, maxGB     int
	minIOPS, maxIOPS int // zero: cannot be chosen
	maxMBps          int // zero: cannot be chosen
	iopsPerGB        int
	needsIOPS        bool
}

const (
	gp3MinMBps      = 125
	gp3BaseIOPS     = 3000
	gp3IOPSPerMBps  = 4
	maxDiskGB       = 65536
	defaultDiskType = "gp3"
)

func volumeTypes() []string { return []string{"gp2", "gp3", "io1", "io2"} }

func volumeNamed(name string) (volume, bool) {
	switch name {
	case "gp2":
		return volume{minGB: 1, maxGB: 16384}, true
	case "gp3":
		return volume{minGB: 1, maxGB: maxDiskGB, minIOPS: gp3BaseIOPS, maxIOPS: 80000, maxMBps: 2000, iopsPerGB: 500}, true
	case "io1":
		return volume{minGB: 4, maxGB: 16384, minIOPS: 100, maxIOPS: 64000, iopsPerGB: 50, needsIOPS: true}, true
	case "io2":
		return volume{minGB: 4, maxGB: maxDiskGB, minIOPS: 100, maxIOPS: 256000, iopsPerGB: 1000, needsIOPS: true}, true
	default:
		return volume{}, false
	}
}

// takeDisk reads a size in GiB, then in any order a volume type, a throughput and a number of I/O operations a second.
func (r *request) takeDisk(seg segment) *fault {
	parts := strings.Split(lower(seg.value), ":")
	size, err := number(strings.TrimSuffix(strings.TrimSuffix(parts[0], "gib"), "gb"))
	if err != nil || size < 1 || size > maxDiskGB {
		return &fault{
			seg, fmt.Sprintf("%q is no size", parts[0]),
			fmt.Sprintf("begin with 1 to %d GiB, as in disk=80 or disk=80gb:gp3:500mbps:4000iops", maxDiskGB),
		}
	}
	d := fleet.Disk{SizeGB: size}
	for _, p := range parts[1:] {
		if ft := diskPart(seg, p, &d); ft != nil {
			return ft
		}
	}
	if d.Type == "" && (d.IOPS > 0 || d.ThroughputMBps > 0) {
		d.Type = defaultDiskType
	}
	if ft := checkDisk(seg, d); ft != nil {
		return ft
	}
	r.spec.Disk = d
	return nil
}

func diskPart(seg segment, part string, d *fleet.Disk) *fault {
	field := &d.ThroughputMBps
	digits, found := strings.CutSuffix(part, "mbps")
	if !found {
		digits, found = strings.CutSuffix(part, "mibps")
	}
	if !found {
		field = &d.IOPS
		digits, found = strings.CutSuffix(part, "iops")
	}
	if !found {
		if !slices.Contains(volumeTypes(), part) {
			return &fault{
				seg, fmt.Sprintf("%q is no volume type, throughput or number of operations", part),
				"the types are " + list(volumeTypes()) + "; write throughput as 500mbps and operations as 4000iops",
			}
		}
		if d.Type != "" {
			return &fault{seg, "the volume type is given twice", "keep one of the two"}
		}
		d.Type = part
		return nil
	}
	n, err := number(digits)
	if err != nil || n == 0 {
		return &fault{seg, fmt.Sprintf("%q does not begin with a number", part), "write for example 500mbps or 4000iops"}
	}
	if *field != 0 {
		return &fault{seg, fmt.Sprintf("%q repeats a part", part), "keep one of the two"}
	}
	*field = n
	return nil
}

// checkDisk refuses what EC2 would refuse, minutes later and for a whole launch.
func checkDisk(seg segment, d fleet.Disk) *fault {
	if d.Type == "" {
		return nil
	}
	v, _ := volumeNamed(d.Type)
	switch {
	case d.SizeGB < v.minGB || d.SizeGB > v.maxGB:
		return &fault{
			seg, fmt.Sprintf("a %s volume cannot have %d GiB", d.Type, d.SizeGB),
			fmt.Sprintf("%s takes %d to %d GiB", d.Type, v.minGB, v.maxGB),
		}
	case d.ThroughputMBps > 0 && v.maxMBps == 0:
		return &fault{seg, fmt.Sprintf("the throughput of %s cannot be chosen", d.Type), "use gp3, or leave the throughput out"}
	case d.ThroughputMBps > 0 && (d.ThroughputMBps < gp3MinMBps || d.ThroughputMBps > v.maxMBps):
		return &fault{
			seg, fmt.Sprintf("%dmbps is out of bounds", d.ThroughputMBps),
			fmt.Sprintf("%s takes %dmbps to %dmbps", d.Type, gp3MinMBps, v.maxMBps),
		}
	case d.IOPS > 0 && v.maxIOPS == 0:
		return &fault{seg, fmt.Sprintf("the operations a second of %s cannot be chosen", d.Type), "use gp3, or leave them out"}
	case d.IOPS > 0 && (d.IOPS < v.minIOPS || d.IOPS > v.maxIOPS):
		return &fault{
			seg, fmt.Sprintf("%diops is out of bounds", d.IOPS),
			fmt.Sprintf("%s takes %diops to %diops", d.Type, v.minIOPS, v.maxIOPS),
		}
	case d.IOPS > max(v.minIOPS, v.iopsPerGB*d.SizeGB):
		return &fault{
			seg, fmt.Sprintf("%diops are too many for %d GiB", d.IOPS, d.SizeGB),
			fmt.Sprintf("%s allows %d a second for each GiB: enlarge the volume or ask for fewer", d.Type, v.iopsPerGB),
		}
	case v.needsIOPS && d.IOPS == 0:
		return &fault{
			seg, fmt.Sprintf("%s needs a number of operations a second", d.Type),
			fmt.Sprintf("did you mean %s=%dgb:%s:%diops?", seg.key, d.SizeGB, d.Type, min(gp3BaseIOPS, v.iopsPerGB*d.SizeGB)),
		}
	case d.ThroughputMBps*gp3IOPSPerMBps > max(d.IOPS, gp3BaseIOPS):
		return &fault{
			seg, fmt.Sprintf("%dmbps need at least %diops", d.ThroughputMBps, d.ThroughputMBps*gp3IOPSPerMBps),
			"gp3 allows a quarter of a MiB/s for each operation a second: raise iops or lower mbps",
		}
	default:
		return nil
	}
}
