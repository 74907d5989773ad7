package settings

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Where machines come from.
const (
	ProviderLocal = "local"
	ProviderEC2   = "ec2"
)

const sectionEC2 = "Machines of EC2"

// ec2Settings are hidden as long as the agent cannot be started on an instance; until then they serve tests of the control plane.
func ec2Settings() []Setting {
	return []Setting{
		choice(Setting{
			Key: "provider", Section: sectionEC2, Default: ProviderLocal, Values: []string{ProviderLocal, ProviderEC2}, Hidden: true,
			Help: "Where machines come from: this machine, or the host of host_url, for local; Amazon EC2 for ec2.",
		}, func(s *Settings) *string { return &s.Provider }),
		text(Setting{
			Key: "ec2_region", Section: sectionEC2, DefaultText: "that of the environment (AWS_REGION)", Hidden: true,
			Help: "The region in which machines are launched.",
		}, func(s *Settings) *string { return &s.EC2.Region }),
		list(Setting{
			Key: "ec2_subnet", Section: sectionEC2, Hidden: true,
			Help: "A subnet in which machines are launched, one for each zone; of two in one zone the first is used. Whether machines have a public address is the subnet's setting.",
		}, func(s *Settings) *[]string { return &s.EC2.Subnets }),
		list(Setting{
			Key: "ec2_security_group", Section: sectionEC2, DefaultText: "the network's default group", Hidden: true,
			Help: "The id of a security group that machines have. It needs nothing that comes in; out, it has to let through to GitHub and to control_plane.",
		}, func(s *Settings) *[]string { return &s.EC2.SecurityGroups }),
		text(Setting{
			Key: "ec2_image_amd64", Section: sectionEC2, DefaultText: "Canonical's newest Ubuntu 24.04", Hidden: true,
			Help: "The image for amd64: ami-ID, ssm:PARAMETER, or OWNER/NAME with stars in the name, of which the newest is taken.",
		}, func(s *Settings) *string { return &s.EC2.ImageAMD64 }),
		text(Setting{
			Key: "ec2_image_arm64", Section: sectionEC2, DefaultText: "Canonical's newest Ubuntu 24.04", Hidden: true,
			Help: "The image for arm64, named as that for amd64.",
		}, func(s *Settings) *string { return &s.EC2.ImageARM64 }),
		text(Setting{
			Key: "ec2_instance_profile", Section: sectionEC2, DefaultText: "none", Hidden: true,
			Help: "The name or ARN of the instance profile that machines have: what jobs may do in AWS.",
		}, func(s *Settings) *string { return &s.EC2.Profile }),
		list(Setting{
			Key: "ec2_tag", Section: sectionEC2, Hidden: true,
			Help: "A tag, as KEY=VALUE, for instances, volumes and network interfaces.",
		}, func(s *Settings) *[]string { return &s.EC2.Tags }),
		list(Setting{
			Key: "ec2_agent", Section: sectionEC2, DefaultText: "runs-fleet-agent and runs-fleet-agent-linux-ARCH beside this program", Hidden: true,
			Help: "The agent for one architecture, which machines fetch from the server: a static program for Linux, one for each architecture.",
		}, func(s *Settings) *[]string { return &s.EC2.Agents }),
	}
}

// EC2 says how machines of EC2 are made.
type EC2 struct {
	Region         string // empty: the environment's
	Subnets        []string
	SecurityGroups []string
	ImageAMD64     string // empty: Canonical's newest Ubuntu 24.04
	ImageARM64     string
	Profile        string
	Tags           []string // KEY=VALUE
	Agents         []string // files
}

// The ids of resources (Amazon EC2 User Guide, "Resource IDs").
var (
	subnetName = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	groupName  = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
)

// OnEC2 says whether machines come from EC2.
func (s Settings) OnEC2() bool { return s.Provider == ProviderEC2 }

// TagMap returns the tags; of a key that is given twice, the last.
func (e EC2) TagMap() map[string]string {
	out := map[string]string{}
	for _, tag := range e.Tags {
		key, value, _ := strings.Cut(tag, "=")
		out[key] = value
	}
	return out
}

// Image is the source of the image for an architecture, empty for the default.
func (e EC2) Image(arch fleet.Arch) string {
	if arch == fleet.ARM64 {
		return e.ImageARM64
	}
	return e.ImageAMD64
}

func (s Settings) checkEC2(problem func(string, ...any)) {
	if !s.OnEC2() {
		if len(s.EC2.Subnets) > 0 || s.EC2.Region != "" {
			problem("ec2_subnet or ec2_region is set, and machines are not EC2's: add provider: ec2, or remove them")
		}
		return
	}
	if s.HostURL != "" {
		problem("provider is ec2 and host_url is set: machines come from EC2 or from a host; remove one of the two")
	}
	switch {
	case s.ControlPlane == "":
		problem("provider is ec2 without control_plane: add the address at which machines of EC2 reach the servers")
	case !plainURL(s.ControlPlane):
		problem("control_plane: %q is no address: write https://HOST:PORT, without a path", s.ControlPlane)
	}
	if s.EC2.Region != "" && !regionName.MatchString(s.EC2.Region) {
		problem("ec2_region: %q is no region: write one such as eu-west-1", s.EC2.Region)
	}
	if len(s.EC2.Subnets) == 0 {
		problem("provider is ec2 without ec2_subnet: name a subnet for each zone in which machines may be launched")
	}
	s.checkEC2Names(problem)
}

func (s Settings) checkEC2Names(problem func(string, ...any)) {
	for _, id := range s.EC2.Subnets {
		if !subnetName.MatchString(id) {
			problem("ec2_subnet: %q is no subnet: write its id, such as subnet-0123456789abcdef0", id)
		}
	}
	for _, id := range s.EC2.SecurityGroups {
		if !groupName.MatchString(id) {
			problem("ec2_security_group: %q is no security group: write its id, such as sg-0123456789abcdef0", id)
		}
	}
	for _, tag := range s.EC2.Tags {
		if key, _, ok := strings.Cut(tag, "="); !ok || key == "" {
			problem("ec2_tag: %s is no tag: write KEY=VALUE", fmt.Sprintf("%q", tag))
		}
	}
}
