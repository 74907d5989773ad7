package awssim

import "strconv"

type describeSubnets struct {
	dry
	filtered
	paged
	IDs []string `form:"SubnetId"`
}

type subnetsAnswer struct {
	Subnets []subnetItem `xml:"subnetSet>item"`
	Next    string       `xml:"nextToken,omitempty"`
}

type subnetItem struct {
	ID        string `xml:"subnetId"`
	ARN       string `xml:"subnetArn"`
	State     string `xml:"state"`
	Owner     string `xml:"ownerId"`
	VPC       string `xml:"vpcId"`
	Block     string `xml:"cidrBlock"`
	Addresses int    `xml:"availableIpAddressCount"`
	Zone      string `xml:"availabilityZone"`
	ZoneID    string `xml:"availabilityZoneId"`
	Default   bool   `xml:"defaultForAz"`
	Public    bool   `xml:"mapPublicIpOnLaunch"`
}

// describeSubnets is the action DescribeSubnets: the default ones, which is all that there are (page "API_DescribeSubnets").
func (r request) describeSubnets(p describeSubnets) (any, error) {
	fields := fields[subnet]{
		of: map[string]func(subnet) []string{
			"availability-zone":    one(func(s subnet) string { return s.zone }),
			"availability-zone-id": one(func(s subnet) string { return s.zoneID }),
			"default-for-az":       one(func(subnet) string { return strconv.FormatBool(true) }),
			"state":                one(func(subnet) string { return "available" }),
			"subnet-id":            one(func(s subnet) string { return s.id }),
			"vpc-id":               one(func(subnet) string { return r.in.network.vpc }),
		},
		tags: func(subnet) map[string]string { return nil },
	}
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	for _, id := range p.IDs {
		if !hasForm(id, "subnet") {
			return nil, r.refuse(codeSubnetBadID, "Invalid id: \"%s\" (expecting \"subnet-...\")", id)
		}
		if _, ok := r.in.network.subnet(id); !ok {
			return nil, r.refuse(codeSubnetNoID, "The subnet ID '%s' does not exist", id)
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var all []subnet
	for _, s := range r.in.network.subnets {
		if (len(p.IDs) == 0 || has(p.IDs, s.id)) && fields.matches(s, p.Filters) {
			all = append(all, s)
		}
	}
	items, next, err := page(r, pages{5, 1000, 0}, p.paged, all, func(s subnet) string { return s.zone })
	if err != nil {
		return nil, err
	}
	answer := subnetsAnswer{Next: next}
	for _, s := range items {
		const addresses = 4091 // of a /20 block, without the five that AWS keeps (page "subnet-sizing")
		answer.Subnets = append(answer.Subnets, subnetItem{
			ID: s.id, ARN: "arn:aws:ec2:" + r.in.name + ":" + r.account + ":subnet/" + s.id, State: "available", Owner: r.account,
			VPC: r.in.network.vpc, Block: s.block, Addresses: addresses, Zone: s.zone, ZoneID: s.zoneID, Default: true, Public: true,
		})
	}
	return answer, nil
}

type describeGroups struct {
	dry
	filtered
	paged
	IDs   []string `form:"GroupId"`
	Names []string `form:"GroupName"`
}

type groupsAnswer struct {
	Groups []securityGroup `xml:"securityGroupInfo>item"`
	Next   string          `xml:"nextToken,omitempty"`
}

type securityGroup struct {
	Owner       string `xml:"ownerId"`
	ID          string `xml:"groupId"`
	Name        string `xml:"groupName"`
	Description string `xml:"groupDescription"`
	VPC         string `xml:"vpcId"`
}

// describeGroups is the action DescribeSecurityGroups (page "API_DescribeSecurityGroups"). Groups have no rules here.
func (r request) describeGroups(p describeGroups) (any, error) {
	fields := fields[group]{
		of: map[string]func(group) []string{
			"group-id":   one(func(g group) string { return g.id }),
			"group-name": one(func(g group) string { return g.name }),
			"owner-id":   one(func(group) string { return r.account }),
			"vpc-id":     one(func(group) string { return r.in.network.vpc }),
		},
		tags: func(group) map[string]string { return nil },
	}
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	for _, id := range p.IDs {
		if !hasForm(id, "sg") {
			return nil, r.refuse(codeGroupBadID, "Invalid id: \"%s\" (expecting \"sg-...\")", id)
		}
		if _, ok := r.in.network.group(id); !ok {
			return nil, r.refuse(codeGroupNoID, "The security group '%s' does not exist", id)
		}
	}
	for _, name := range p.Names {
		if _, ok := r.in.network.groupNamed(name); !ok {
			return nil, r.refuse(codeGroupNoID, "The security group '%s' does not exist in default VPC '%s'", name, r.in.network.vpc)
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var all []group
	for _, g := range r.in.network.groups {
		named := len(p.IDs)+len(p.Names) == 0 || has(p.IDs, g.id) || has(p.Names, g.name)
		if named && fields.matches(g, p.Filters) {
			all = append(all, g)
		}
	}
	items, next, err := page(r, pages{5, 1000, 0}, p.paged, all, func(g group) string { return g.id })
	if err != nil {
		return nil, err
	}
	answer := groupsAnswer{Next: next}
	for _, g := range items {
		answer.Groups = append(answer.Groups, securityGroup{r.account, g.id, g.name, g.name + " security group", r.in.network.vpc})
	}
	return answer, nil
}
