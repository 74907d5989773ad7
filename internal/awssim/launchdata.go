package awssim

import (
	"encoding/base64"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// launchData is what a launch template holds, in the words of requests and answers (pages "API_RequestLaunchTemplateData" and
// "API_ResponseLaunchTemplateData"). What it lacks a template of the simulator cannot say.
type launchData struct {
	ImageID          string       `form:"ImageId" xml:"imageId,omitempty"`
	InstanceType     string       `form:"InstanceType" xml:"instanceType,omitempty"`
	KeyName          string       `form:"KeyName" xml:"keyName,omitempty"`
	UserData         string       `form:"UserData" xml:"userData,omitempty"`
	EBSOptimized     *bool        `form:"EbsOptimized" xml:"ebsOptimized"`
	OnShutdown       string       `form:"InstanceInitiatedShutdownBehavior" xml:"instanceInitiatedShutdownBehavior,omitempty"`
	NoTermination    *bool        `form:"DisableApiTermination" xml:"disableApiTermination"`
	NoStop           *bool        `form:"DisableApiStop" xml:"disableApiStop"`
	Profile          *profile     `form:"IamInstanceProfile" xml:"iamInstanceProfile"`
	Devices          []device     `form:"BlockDeviceMapping" xml:"blockDeviceMappingSet>item"`
	Interfaces       []iface      `form:"NetworkInterface" xml:"networkInterfaceSet>item"`
	GroupIDs         []string     `form:"SecurityGroupId" xml:"securityGroupIdSet>item"`
	GroupNames       []string     `form:"SecurityGroup" xml:"securityGroupSet>item"`
	TagSpecification []tagsFor    `form:"TagSpecification" xml:"tagSpecificationSet>item"`
	Metadata         *metadata    `form:"MetadataOptions" xml:"metadataOptions"`
	Monitoring       *monitoring  `form:"Monitoring" xml:"monitoring"`
	Placement        *placement   `form:"Placement" xml:"placement"`
	Credit           *credit      `form:"CreditSpecification" xml:"creditSpecification"`
	Hibernation      *hibernation `form:"HibernationOptions" xml:"hibernationOptions"`
}

type profile struct {
	ARN  string `form:"Arn" xml:"arn,omitempty"`
	Name string `form:"Name" xml:"name,omitempty"`
}

type device struct {
	Name    string `form:"DeviceName" xml:"deviceName,omitempty"`
	Virtual string `form:"VirtualName" xml:"virtualName,omitempty"`
	None    string `form:"NoDevice" xml:"noDevice,omitempty"`
	EBS     *ebs   `form:"Ebs" xml:"ebs"`
}

type ebs struct {
	DeleteOnTermination *bool  `form:"DeleteOnTermination" xml:"deleteOnTermination"`
	Encrypted           *bool  `form:"Encrypted" xml:"encrypted"`
	IOPS                *int   `form:"Iops" xml:"iops"`
	Key                 string `form:"KmsKeyId" xml:"kmsKeyId,omitempty"`
	Snapshot            string `form:"SnapshotId" xml:"snapshotId,omitempty"`
	Throughput          *int   `form:"Throughput" xml:"throughput"`
	Size                *int   `form:"VolumeSize" xml:"volumeSize"`
	Type                string `form:"VolumeType" xml:"volumeType,omitempty"`
	InitializationRate  *int   `form:"VolumeInitializationRate" xml:"volumeInitializationRate"`
}

type iface struct {
	Index               *int     `form:"DeviceIndex" xml:"deviceIndex"`
	Description         string   `form:"Description" xml:"description,omitempty"`
	GroupIDs            []string `form:"SecurityGroupId" xml:"groupSet>groupId"`
	Subnet              string   `form:"SubnetId" xml:"subnetId,omitempty"`
	PublicAddress       *bool    `form:"AssociatePublicIpAddress" xml:"associatePublicIpAddress"`
	DeleteOnTermination *bool    `form:"DeleteOnTermination" xml:"deleteOnTermination"`
}

type metadata struct {
	Endpoint string `form:"HttpEndpoint" xml:"httpEndpoint,omitempty"`
	IPv6     string `form:"HttpProtocolIpv6" xml:"httpProtocolIpv6,omitempty"`
	Hops     *int   `form:"HttpPutResponseHopLimit" xml:"httpPutResponseHopLimit"`
	Tokens   string `form:"HttpTokens" xml:"httpTokens,omitempty"`
	Tags     string `form:"InstanceMetadataTags" xml:"instanceMetadataTags,omitempty"`
}

type monitoring struct {
	Enabled bool `form:"Enabled" xml:"enabled"`
}

type placement struct {
	Zone    string `form:"AvailabilityZone" xml:"availabilityZone,omitempty"`
	Tenancy string `form:"Tenancy" xml:"tenancy,omitempty"`
}

type credit struct {
	CPU string `form:"CpuCredits" xml:"cpuCredits,omitempty"`
}

type hibernation struct {
	Configured bool `form:"Configured" xml:"configured"`
}

// maxUserData is in bytes, before the encoding (page "instancedata-add-user-data").
const maxUserData = 16 << 10

// checkUserData refuses what is not base64 or too long. EC2 notices it at the latest when something is launched.
func checkUserData(action, encoded string) error {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return refuse(action, codeUserData, "Invalid BASE64 encoding of user data.")
	}
	if len(raw) > maxUserData {
		return refuse(action, sim.CodeInvalidParameter, "User data is limited to %d bytes", maxUserData)
	}
	return nil
}

// word is a parameter that has a few values.
type word struct {
	name, value string
	allowed     []string
}

// check refuses what a template's data can be seen to be wrong with. EC2 does not validate them fully either (page
// "launch-template-restrictions"): what does not exist is noticed at the launch.
func (d launchData) check(r request) error {
	if err := checkUserData(r.action, d.UserData); err != nil {
		return err
	}
	words := []word{
		{"InstanceInitiatedShutdownBehavior", d.OnShutdown, []string{sim.StopOnShutdown, sim.TerminateOnShutdown}},
	}
	if m := d.Metadata; m != nil {
		if m.Hops != nil && (*m.Hops < 1 || *m.Hops > 64) {
			return r.refuse(sim.CodeInvalidParameter, "Value (%d) for parameter HttpPutResponseHopLimit is invalid. Expecting a value from 1 to 64.", *m.Hops)
		}
		onOff := []string{"enabled", "disabled"}
		words = append(words, word{"HttpTokens", m.Tokens, []string{"required", "optional"}}, word{"HttpEndpoint", m.Endpoint, onOff},
			word{"HttpProtocolIpv6", m.IPv6, onOff}, word{"InstanceMetadataTags", m.Tags, onOff})
	}
	for _, b := range d.Devices {
		if b.EBS != nil {
			words = append(words, word{"VolumeType", b.EBS.Type, []string{"gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"}})
		}
	}
	for _, w := range words {
		if w.value != "" && !has(w.allowed, w.value) {
			return r.refuse(sim.CodeInvalidParameter, "Value (%s) for parameter %s is invalid.", w.value, w.name)
		}
	}
	if _, err := readTags(r, d.TagSpecification, "instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"); err != nil {
		return err
	}
	return nil
}
