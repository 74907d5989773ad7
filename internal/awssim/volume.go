package awssim

import (
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
)

type describeVolumes struct {
	dry
	filtered
	paged
	IDs []string `form:"VolumeId"`
}

type volumesAnswer struct {
	Volumes []volumeItem `xml:"volumeSet>item"`
	Next    string       `xml:"nextToken,omitempty"`
}

type volumeItem struct {
	ID          string             `xml:"volumeId"`
	Size        int                `xml:"size"`
	Snapshot    string             `xml:"snapshotId"`
	Zone        string             `xml:"availabilityZone"`
	Status      string             `xml:"status"`
	Created     string             `xml:"createTime"`
	Type        string             `xml:"volumeType"`
	IOPS        *int               `xml:"iops"`
	Throughput  *int               `xml:"throughput"`
	Encrypted   bool               `xml:"encrypted"`
	Attachments []volumeAttachment `xml:"attachmentSet>item"`
	Tags        []tag              `xml:"tagSet>item"`
	tags        map[string]string
}

type volumeAttachment struct {
	Volume              string `xml:"volumeId"`
	Instance            string `xml:"instanceId"`
	Device              string `xml:"device"`
	Status              string `xml:"status"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

// describeVolumes is the action DescribeVolumes: the volumes of instances that have not ended (page "API_DescribeVolumes").
// Volumes that outlive their instance are not simulated.
func (r request) describeVolumes(p describeVolumes) (any, error) {
	fields := fields[volumeItem]{
		of: map[string]func(volumeItem) []string{
			"attachment.instance-id": one(func(v volumeItem) string { return v.Attachments[0].Instance }),
			"attachment.device":      one(func(v volumeItem) string { return v.Attachments[0].Device }),
			"availability-zone":      one(func(v volumeItem) string { return v.Zone }),
			"encrypted":              one(func(v volumeItem) string { return strconv.FormatBool(v.Encrypted) }),
			"size":                   one(func(v volumeItem) string { return strconv.Itoa(v.Size) }),
			"status":                 one(func(v volumeItem) string { return v.Status }),
			"volume-id":              one(func(v volumeItem) string { return v.ID }),
			"volume-type":            one(func(v volumeItem) string { return v.Type }),
		},
		tags: func(v volumeItem) map[string]string { return v.tags },
	}
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	all := r.volumes()
	for _, id := range p.IDs {
		if _, ok := found(all, func(v volumeItem) bool { return v.ID == id }); !ok {
			return nil, r.refuse("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var kept []volumeItem
	for _, v := range all {
		if (len(p.IDs) == 0 || has(p.IDs, v.ID)) && fields.matches(v, p.Filters) {
			kept = append(kept, v)
		}
	}
	items, next, err := page(r, pages{5, 1000, 0}, p.paged, kept, func(v volumeItem) string { return v.ID })
	if err != nil {
		return nil, err
	}
	return volumesAnswer{items, next}, nil
}

func (r request) volumes() []volumeItem {
	var all []volumeItem
	for _, i := range r.living() {
		for _, v := range i.devices() {
			id := i.volume(v.device)
			all = append(all, volumeItem{
				ID: id, Size: v.size, Snapshot: v.snapshot, Zone: i.Pool.Zone, Status: "in-use", Created: query.Stamp(i.Launched), Type: v.kind,
				IOPS: v.iops, Throughput: v.throughput, Encrypted: v.encrypted,
				Attachments: []volumeAttachment{{id, i.ID, v.device, "attached", v.ends}}, Tags: tagList(i.launch.volumeTags), tags: i.launch.volumeTags,
			})
		}
	}
	return all
}

type describeIfaces struct {
	dry
	filtered
	paged
	IDs []string `form:"NetworkInterfaceId"`
}

type ifacesAnswer struct {
	Interfaces []networkIface `xml:"networkInterfaceSet>item"`
	Next       string         `xml:"nextToken,omitempty"`
}

type networkIface struct {
	ifaceItem

	Zone     string `xml:"availabilityZone"`
	Tags     []tag  `xml:"tagSet>item"`
	instance string
	tags     map[string]string
}

// describeIfaces is the action DescribeNetworkInterfaces: those of instances that have not ended (page
// "API_DescribeNetworkInterfaces").
func (r request) describeIfaces(p describeIfaces) (any, error) {
	fields := fields[networkIface]{
		of: map[string]func(networkIface) []string{
			"attachment.instance-id": one(func(n networkIface) string { return n.instance }),
			"availability-zone":      one(func(n networkIface) string { return n.Zone }),
			"network-interface-id":   one(func(n networkIface) string { return n.ID }),
			"status":                 one(func(n networkIface) string { return n.Status }),
			"subnet-id":              one(func(n networkIface) string { return n.Subnet }),
			"vpc-id":                 one(func(n networkIface) string { return n.VPC }),
		},
		tags: func(n networkIface) map[string]string { return n.tags },
	}
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	var kept []networkIface
	known := map[string]bool{}
	for _, i := range r.living() {
		var item instanceItem
		i.connect(&item)
		n := networkIface{item.Interfaces[0], i.Pool.Zone, tagList(i.launch.ifaceTags), i.ID, i.launch.ifaceTags}
		known[n.ID] = true
		if (len(p.IDs) == 0 || has(p.IDs, n.ID)) && fields.matches(n, p.Filters) {
			kept = append(kept, n)
		}
	}
	for _, id := range p.IDs {
		if !known[id] {
			return nil, r.refuse("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	items, next, err := page(r, pages{5, 1000, 0}, p.paged, kept, func(n networkIface) string { return n.ID })
	if err != nil {
		return nil, err
	}
	return ifacesAnswer{items, next}, nil
}
