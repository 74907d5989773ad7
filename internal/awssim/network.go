package awssim

import (
	"fmt"
	"slices"
	"strings"
)

// network is a region's default VPC: one subnet in each zone, and security groups.
type network struct {
	vpc     string
	subnets []subnet
	groups  []group
}

type subnet struct {
	id, zone, zoneID, block string
	prefix                  string // of its addresses
}

type group struct{ id, name string }

func newNetwork(region string, zones, groups []string) network {
	n := network{vpc: resourceID("vpc", region)}
	for i, z := range zones {
		prefix := fmt.Sprintf("172.31.%d", 16*i) //nolint:mnd // default subnets are /20 blocks of 172.31.0.0/16 (page "default-vpc-components")
		n.subnets = append(n.subnets, subnet{resourceID("subnet", z), z, zoneID(region, z), prefix + ".0/20", prefix})
	}
	for _, name := range append([]string{"default"}, groups...) {
		n.groups = append(n.groups, group{resourceID("sg", region, name), name})
	}
	return n
}

// zoneID is a zone's id: use1-az1 for us-east-1a (page "az-ids"). In the world the letters differ from account to account.
func zoneID(region, zone string) string {
	short := ""
	for i, part := range strings.Split(region, "-") {
		switch {
		case i == 0:
			short = part
		case part == "northeast" || part == "southeast" || part == "northwest" || part == "southwest":
			short += part[:1] + part[5:6]
		default:
			short += part[:1]
		}
	}
	letter := strings.TrimPrefix(zone, region)
	number := 1
	if len(letter) == 1 && letter >= "a" && letter <= "z" {
		number = int(letter[0]-'a') + 1
	}
	return fmt.Sprintf("%s-az%d", short, number)
}

func (n network) subnet(id string) (subnet, bool) {
	return found(n.subnets, func(s subnet) bool { return s.id == id })
}

func (n network) subnetIn(zone string) (subnet, bool) {
	return found(n.subnets, func(s subnet) bool { return s.zone == zone })
}

func (n network) zoneOf(zoneID string) (string, bool) {
	s, ok := found(n.subnets, func(s subnet) bool { return s.zoneID == zoneID })
	return s.zone, ok
}

func (n network) group(id string) (group, bool) {
	return found(n.groups, func(g group) bool { return g.id == id })
}

func (n network) groupNamed(name string) (group, bool) {
	return found(n.groups, func(g group) bool { return g.name == name })
}

func found[T any](all []T, is func(T) bool) (T, bool) {
	i := slices.IndexFunc(all, is)
	if i < 0 {
		var none T
		return none, false
	}
	return all[i], true
}
