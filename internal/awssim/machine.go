package awssim

import (
	"encoding/base64"
	"maps"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// Machine is an instance as its own metadata service knows it.
type Machine struct {
	sim.Instance

	Image       Image
	Account     string
	UserData    []byte // decoded; nil without any
	Tags        map[string]string
	Address     string // in its subnet
	ZoneID      string
	Subnet      string
	VPC         string
	Groups      []string // the names of its security groups
	Profile     string   // the ARN of its instance profile, empty without one
	Reservation string
	Metadata    MetadataOptions
}

// MetadataOptions say how an instance's metadata may be read (page "API_InstanceMetadataOptionsResponse").
type MetadataOptions struct {
	Enabled        bool
	TokensRequired bool // IMDSv2 only
	Hops           int  // how far the answer to a request for a token gets
	ShowsTags      bool
}

// Machine returns an instance as it is, without a call of the API. It is false for instances that the API did not launch.
func (s *Server) Machine(id string) (Machine, bool) {
	known, ok := s.cloud.Instance(id, s.clock.Now())
	if !ok {
		return Machine{}, false
	}
	i, ok := instanceOf(known)
	if !ok {
		return Machine{}, false
	}
	o := i.options()
	m := Machine{
		Instance: known, Image: i.source.image, Account: i.launch.account, Tags: maps.Clone(i.tags()), Address: i.address(), ZoneID: i.source.subnet.zoneID,
		Subnet: i.source.subnet.id, VPC: i.launch.network.vpc, Reservation: i.reservation(),
		Metadata: MetadataOptions{
			Enabled: o.Endpoint == "enabled", TokensRequired: o.Tokens == "required", Hops: *o.Hops, ShowsTags: o.Tags == "enabled",
		},
	}
	if d, err := base64.StdEncoding.DecodeString(i.source.data.UserData); err == nil && len(d) > 0 {
		m.UserData = d
	}
	for _, g := range i.source.groups {
		m.Groups = append(m.Groups, g.name)
	}
	if i.source.data.Profile != nil {
		m.Profile = "arn:aws:iam::" + i.launch.account + ":instance-profile/" + i.source.profileName()
	}
	return m, true
}
