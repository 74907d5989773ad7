package main

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// machineChecks are those of where machines come from.
func (e examination) machineChecks() []doctor.Check {
	if e.settings.OnEC2() {
		return []doctor.Check{{Name: "EC2", Run: e.ec2}}
	}
	return []doctor.Check{{Name: "isolation", Run: e.isolation}}
}

// ec2 reads what the region offers and tries a launch in each market, without making anything.
func (e examination) ec2(ctx context.Context) []doctor.Finding {
	p, _, site, err := instances{
		settings: e.settings, fleet: "doctor", clock: e.clock, random: seam.Crypto{}, log: e.log,
	}.open(ctx)
	if err != nil {
		return doctor.One(doctor.Problem, err.Error(), ec2Remedy(err))
	}
	inv, _ := p.Inventory(site)
	found := doctor.One(doctor.OK, fmt.Sprintf("%s: %d zones, %d instance types", site.Region, len(inv.Zones), len(inv.Types)), "")
	if len(inv.Zones) < len(e.settings.EC2.Subnets) {
		found = append(found, doctor.Finding{
			Level: doctor.Warning, Detail: fmt.Sprintf("the %d subnets are in %d zones: of two in one zone only the first is used",
				len(e.settings.EC2.Subnets), len(inv.Zones)),
			Remedy: "remove the second subnet of a zone from ec2_subnet",
		})
	}
	for _, market := range []fleet.Market{fleet.Spot, fleet.OnDemand} {
		found = append(found, tryLaunch(ctx, p, site, inv, market))
	}
	return found
}

func tryLaunch(ctx context.Context, p *ec2.Provider, site fleet.Site, inv *ec2.Inventory, market fleet.Market) doctor.Finding {
	const least, most = 2, 4
	r := provider.Request{
		LaunchID: "doctor", Site: site, Market: market, Count: 1, // a dry run sends no token
		Spec: fleet.Spec{CPU: fleet.Range{Min: least, Max: most}, OS: fleet.Linux, Archs: []fleet.Arch{inv.Images[0].Arch}},
	}
	if err := p.Check(ctx, r); err != nil {
		return doctor.Finding{Level: doctor.Problem, Detail: fmt.Sprintf("%s: %s", market, err), Remedy: ec2Remedy(err)}
	}
	return doctor.Finding{Level: doctor.OK, Detail: fmt.Sprintf("a launch on the %s market is allowed", market)}
}

// ec2Remedy says what to do about a refusal, by its code.
func ec2Remedy(err error) string {
	switch api.KindOf(err) {
	case api.Unauthorized:
		return "give the server's role the rights of docs/aws-permissions.md, and see that the credentials are the right account's"
	case api.Invalid, api.NotFound, api.Refused:
		return "correct the setting of what the message names (ec2_subnet, ec2_security_group, ec2_image_ARCH, ec2_instance_profile)"
	case api.Quota:
		return "ask AWS for a higher quota, in the console of Service Quotas"
	case api.Throttled, api.Capacity:
		return "try again in a minute"
	default:
		return "correct what the message names; otherwise see that this machine reaches EC2's address in the region, and that it has credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID or a role)"
	}
}
