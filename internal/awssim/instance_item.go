package awssim

import (
	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// reservationItem is the instances that one launch made in one pool.
type reservationItem struct {
	ID        string         `xml:"reservationId"`
	Owner     string         `xml:"ownerId"`
	Instances []instanceItem `xml:"instancesSet>item"`
}

type instanceItem struct {
	ID             string        `xml:"instanceId"`
	Image          string        `xml:"imageId"`
	State          stateItem     `xml:"instanceState"`
	PrivateDNS     string        `xml:"privateDnsName"`
	DNS            string        `xml:"dnsName"`
	Reason         string        `xml:"reason"`
	Key            string        `xml:"keyName,omitempty"`
	Index          int           `xml:"amiLaunchIndex"`
	Type           string        `xml:"instanceType"`
	Launched       string        `xml:"launchTime"`
	Placement      placementItem `xml:"placement"`
	Platform       string        `xml:"platform,omitempty"`
	Details        string        `xml:"platformDetails"`
	Monitoring     stateOnly     `xml:"monitoring"`
	Subnet         string        `xml:"subnetId,omitempty"`
	VPC            string        `xml:"vpcId,omitempty"`
	Address        string        `xml:"privateIpAddress,omitempty"`
	Groups         []groupItem   `xml:"groupSet>item"`
	StateReason    *codeItem     `xml:"stateReason"`
	Arch           string        `xml:"architecture"`
	RootType       string        `xml:"rootDeviceType"`
	Root           string        `xml:"rootDeviceName"`
	Devices        []mappingItem `xml:"blockDeviceMapping>item"`
	Virtualization string        `xml:"virtualizationType"`
	Lifecycle      string        `xml:"instanceLifecycle,omitempty"`
	SpotRequest    string        `xml:"spotInstanceRequestId,omitempty"`
	Token          string        `xml:"clientToken"`
	Tags           []tag         `xml:"tagSet>item"`
	Hypervisor     string        `xml:"hypervisor"`
	Interfaces     []ifaceItem   `xml:"networkInterfaceSet>item"`
	Profile        *profileItem  `xml:"iamInstanceProfile"`
	EBSOptimized   bool          `xml:"ebsOptimized"`
	ENA            bool          `xml:"enaSupport"`
	Hibernation    hibernation   `xml:"hibernationOptions"`
	Metadata       optionsItem   `xml:"metadataOptions"`
}

type stateItem struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

func stateOf(s provider.State) stateItem { return stateItem{stateCode(s), string(s)} }

type stateOnly struct {
	State string `xml:"state"`
}

type placementItem struct {
	Zone    string `xml:"availabilityZone"`
	ZoneID  string `xml:"availabilityZoneId"`
	Group   string `xml:"groupName"`
	Tenancy string `xml:"tenancy"`
}

type groupItem struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type codeItem struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

type mappingItem struct {
	Name string     `xml:"deviceName"`
	EBS  attachment `xml:"ebs"`
}

type attachment struct {
	Volume              string `xml:"volumeId"`
	Status              string `xml:"status"`
	Attached            string `xml:"attachTime"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

type ifaceItem struct {
	ID         string          `xml:"networkInterfaceId"`
	Subnet     string          `xml:"subnetId"`
	VPC        string          `xml:"vpcId"`
	Owner      string          `xml:"ownerId"`
	Status     string          `xml:"status"`
	Address    string          `xml:"privateIpAddress"`
	Groups     []groupItem     `xml:"groupSet>item"`
	Attachment ifaceAttachment `xml:"attachment"`
}

type ifaceAttachment struct {
	Instance            string `xml:"instanceId,omitempty"`
	Index               int    `xml:"deviceIndex"`
	Status              string `xml:"status"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

type profileItem struct {
	ARN string `xml:"arn"`
	ID  string `xml:"id"`
}

type optionsItem struct {
	metadata

	State string `xml:"state"`
}

// item is the instance as DescribeInstances tells it (page "API_Instance"). A terminated one has no network and no volumes.
func (i instance) item() instanceItem {
	s := i.source
	item := instanceItem{
		ID: i.ID, Image: s.image.ID, State: stateOf(i.State), Key: s.data.KeyName, Index: i.index, Type: i.Pool.Type,
		Launched: query.Stamp(i.Started), Placement: placementItem{Zone: i.Pool.Zone, ZoneID: s.subnet.zoneID, Tenancy: "default"},
		Platform: platformOf(i.OS), Details: s.image.platform(), Monitoring: stateOnly{"disabled"}, Arch: architecture(i.Arch),
		RootType: "ebs", Root: s.image.Root, Virtualization: "hvm", Lifecycle: i.lifecycle(), SpotRequest: i.spotRequest(), Token: i.token(),
		Tags: tagList(i.tags()), Hypervisor: "xen", EBSOptimized: isTrue(s.data.EBSOptimized), ENA: true,
		Metadata: optionsItem{i.options(), "applied"},
	}
	if m := s.data.Monitoring; m != nil && m.Enabled {
		item.Monitoring.State = "enabled"
	}
	if s.data.Hibernation != nil {
		item.Hibernation = *s.data.Hibernation
	}
	if i.Reason != "" {
		item.Reason = i.ReasonText()
		item.StateReason = &codeItem{i.Reason, i.ReasonText()}
	}
	if s.data.Profile != nil {
		name := s.profileName()
		item.Profile = &profileItem{"arn:aws:iam::" + i.launch.account + ":instance-profile/" + name, "AIPA" + resourceID("", name)[1:]}
	}
	if !i.gone() {
		i.connect(&item)
	}
	return item
}

// connect adds network and volumes.
func (i instance) connect(item *instanceItem) {
	s := i.source
	item.Subnet, item.VPC, item.Address = s.subnet.id, i.launch.network.vpc, i.address()
	item.PrivateDNS = "ip-" + dashed(item.Address) + "." + i.Pool.Region + ".compute.internal"
	for _, g := range s.groups {
		item.Groups = append(item.Groups, groupItem{g.id, g.name})
	}
	for _, v := range i.devices() {
		item.Devices = append(item.Devices, mappingItem{v.device, attachment{
			Volume: i.volume(v.device), Status: "attached", Attached: query.Stamp(i.Launched), DeleteOnTermination: v.ends,
		}})
	}
	item.Interfaces = []ifaceItem{{
		ID: i.iface(), Subnet: s.subnet.id, VPC: i.launch.network.vpc, Owner: i.launch.account, Status: "in-use", Address: item.Address,
		Groups: item.Groups, Attachment: ifaceAttachment{Instance: i.ID, Status: "attached", DeleteOnTermination: true},
	}}
}

func dashed(address string) string {
	b := []byte(address)
	for n := range b {
		if b[n] == '.' {
			b[n] = '-'
		}
	}
	return string(b)
}
