package awssim

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// instance is an instance of the cloud with what it was launched with.
type instance struct {
	sim.Instance
	launch *launch
	source *source
	index  int // within its fleet
}

// instanceOf finds what an instance was launched with. Instances that others launched have none and are not EC2's to show.
func instanceOf(i sim.Instance) (instance, bool) {
	l, ok := i.Attached.(*launch)
	if !ok {
		return instance{}, false
	}
	s, ok := l.places[place{i.Pool.Type, i.Pool.Zone}]
	return instance{Instance: i, launch: l, source: s}, ok
}

// tags are the instance's, with the one that EC2 adds (page "tag-ec2-fleet").
func (i instance) tags() map[string]string {
	tags := maps.Clone(i.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags["aws:ec2:fleet-id"] = i.Fleet
	return tags
}

// number orders instances: ids end with the number of their launch.
func (i instance) number() string { return i.ID[len(i.ID)-8:] }

// address is the private address within the subnet's block, which begins after the four that AWS keeps.
func (i instance) address() string {
	n, err := strconv.ParseUint(i.number(), 16, 64)
	if err != nil {
		return ""
	}
	const addresses, kept, octet = 4000, 4, 256
	host := n%addresses + kept
	var base int
	if _, err := fmt.Sscanf(i.source.subnet.prefix, "172.31.%d", &base); err != nil {
		return ""
	}
	return fmt.Sprintf("172.31.%d.%d", base+int(host/octet), host%octet)
}

// gone says whether the instance has left its network: EC2 no longer tells its address and subnet then.
func (i instance) gone() bool { return i.State == provider.Terminated }

func (i instance) reservation() string { return resourceID("r", i.Fleet, i.Pool.Type, i.Pool.Zone) }

func (i instance) volume(device string) string { return resourceID("vol", i.ID, device) }

func (i instance) iface() string { return resourceID("eni", i.ID) }

// token is what EC2 Fleet uses for the launches that it makes; the fleet's own token is not shown on instances.
func (i instance) token() string {
	return fmt.Sprintf("%s-%s-%s", i.Fleet, i.Pool.Type, i.Pool.Zone)
}

func (i instance) spotRequest() string {
	if i.Pool.Market != fleet.Spot {
		return ""
	}
	return "sir-" + resourceID("", i.ID)[10:]
}

func (i instance) lifecycle() string {
	if i.Pool.Market == fleet.Spot {
		return "spot"
	}
	return "" // page "API_Instance": only spot and scheduled instances have one
}

// stateCode is the number of a state (page "API_InstanceState").
func stateCode(s provider.State) int {
	switch s {
	case provider.Pending:
		return 0
	case provider.Running:
		return 16
	case provider.ShuttingDown:
		return 32
	case provider.Terminated:
		return 48
	case provider.Stopping:
		return 64
	case provider.Stopped:
		return 80
	default:
		return -1
	}
}

// devices are the volumes: the image's, as the launch changed it, and those that the launch adds.
func (i instance) devices() []volume {
	root := volume{device: i.source.image.Root, size: i.source.image.GiB, kind: "gp3", ends: true, snapshot: resourceID("snap", i.source.image.ID)}
	all := []volume{root}
	for _, d := range i.source.data.Devices {
		if d.EBS == nil {
			continue
		}
		v := volume{device: d.Name, kind: "gp2", ends: true} // page "API_EbsBlockDevice": gp2 is the default of RunInstances
		at := len(all)
		if d.Name == root.device {
			v, at = root, 0
		} else {
			all = append(all, v)
		}
		v.change(*d.EBS)
		all[at] = v
	}
	return all
}

// volume is an EBS volume of an instance.
type volume struct {
	device, kind, snapshot string
	size                   int
	ends, encrypted        bool
	iops, throughput       *int
}

func (v *volume) change(e ebs) {
	v.kind = cmp.Or(e.Type, v.kind)
	v.snapshot = cmp.Or(e.Snapshot, v.snapshot)
	v.iops, v.throughput = e.IOPS, e.Throughput
	if e.Size != nil {
		v.size = *e.Size
	}
	if e.Encrypted != nil {
		v.encrypted = *e.Encrypted
	}
	if e.DeleteOnTermination != nil {
		v.ends = *e.DeleteOnTermination
	}
}

// options are the instance's metadata options with EC2's defaults (page "configuring-instance-metadata-options").
func (i instance) options() metadata {
	m := metadata{}
	if given := i.source.data.Metadata; given != nil {
		m = *given
	}
	hops := 1
	if m.Hops != nil {
		hops = *m.Hops
	}
	return metadata{
		Endpoint: cmp.Or(m.Endpoint, "enabled"), IPv6: cmp.Or(m.IPv6, "disabled"), Hops: &hops,
		Tokens: cmp.Or(m.Tokens, "optional"), Tags: cmp.Or(m.Tags, "disabled"),
	}
}

func instanceFields() fields[instance] {
	text := one[instance]
	return fields[instance]{
		of: map[string]func(instance) []string{
			"architecture":        text(func(i instance) string { return architecture(i.Arch) }),
			"availability-zone":   text(func(i instance) string { return i.Pool.Zone }),
			"image-id":            text(func(i instance) string { return i.source.image.ID }),
			"instance-id":         text(func(i instance) string { return i.ID }),
			"instance-lifecycle":  text(instance.lifecycle),
			"instance-state-code": text(func(i instance) string { return strconv.Itoa(stateCode(i.State)) }),
			"instance-state-name": text(func(i instance) string { return string(i.State) }),
			"instance-type":       text(func(i instance) string { return i.Pool.Type }),
			"instance.group-id": func(i instance) []string {
				var ids []string
				for _, g := range i.source.groups {
					ids = append(ids, g.id)
				}
				return ids
			},
			"key-name":                     text(func(i instance) string { return i.source.data.KeyName }),
			"launch-time":                  text(func(i instance) string { return query.Stamp(i.Started) }),
			"metadata-options.http-tokens": text(func(i instance) string { return i.options().Tokens }),
			"owner-id":                     text(func(i instance) string { return i.launch.account }),
			"platform":                     text(func(i instance) string { return platformOf(i.OS) }),
			"private-ip-address":           text(instance.address),
			"reservation-id":               text(instance.reservation),
			"spot-instance-request-id":     text(instance.spotRequest),
			"state-reason-code":            text(func(i instance) string { return i.Reason }),
			"subnet-id":                    text(func(i instance) string { return i.source.subnet.id }),
			"vpc-id":                       text(func(i instance) string { return i.launch.network.vpc }),
		},
		tags: instance.tags,
	}
}
