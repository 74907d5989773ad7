package awssim

import (
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// createFleet is the request of the action CreateFleet (page "API_CreateFleet").
type createFleet struct {
	dry
	Token    string          `form:"ClientToken"`
	Type     string          `form:"Type"`
	Configs  []fleetConfig   `form:"LaunchTemplateConfigs"`
	Target   *target         `form:"TargetCapacitySpecification"`
	Spot     spotOptions     `form:"SpotOptions"`
	OnDemand onDemandOptions `form:"OnDemandOptions"`
	Tags     []tagsFor       `form:"TagSpecification"`
	Excess   string          `form:"ExcessCapacityTerminationPolicy"`
	Expiring *bool           `form:"TerminateInstancesWithExpiration"`
	Replace  *bool           `form:"ReplaceUnhealthyInstances"`
	Reserved *query.Raw      `form:"ReservedCapacityOptions"`
	From     *query.Raw      `form:"ValidFrom"`
	Until    *query.Raw      `form:"ValidUntil"`
}

type fleetConfig struct {
	Template  templateSpec    `form:"LaunchTemplateSpecification"`
	Overrides []fleetOverride `form:"Overrides"`
}

type templateSpec struct {
	templateRef
	Version  string `form:"Version"`
	UserData string `form:"LaunchTemplateSpecificationUserData"`
}

// fleetOverride takes the place of parameters of the template (page "API_FleetLaunchTemplateOverridesRequest"). User data is
// not among them: it is in the template, or one for all overrides beside the template's name.
type fleetOverride struct {
	Zone         string     `form:"AvailabilityZone"`
	ZoneID       string     `form:"AvailabilityZoneId"`
	Devices      []device   `form:"BlockDeviceMapping"`
	Profile      *profile   `form:"IamInstanceProfile"`
	ImageID      string     `form:"ImageId"`
	Requirements *query.Raw `form:"InstanceRequirements"`
	InstanceType string     `form:"InstanceType"`
	KeyName      string     `form:"KeyName"`
	MaxPrice     string     `form:"MaxPrice"`
	Metadata     *metadata  `form:"MetadataOptions"`
	Placement    *placement `form:"Placement"`
	Priority     *float64   `form:"Priority"`
	Subnet       string     `form:"SubnetId"`
	Weight       *float64   `form:"WeightedCapacity"`
}

type target struct {
	Default  string `form:"DefaultTargetCapacityType"`
	OnDemand int    `form:"OnDemandTargetCapacity"`
	Spot     int    `form:"SpotTargetCapacity"`
	Unit     string `form:"TargetCapacityUnitType"`
	Total    *int   `form:"TotalTargetCapacity"`
}

type spotOptions struct {
	fleetBounds

	Strategy     string     `form:"AllocationStrategy"`
	Interruption string     `form:"InstanceInterruptionBehavior"`
	Pools        *query.Raw `form:"InstancePoolsToUseCount"`
	Maintenance  *query.Raw `form:"MaintenanceStrategies"`
}

type onDemandOptions struct {
	fleetBounds

	Strategy string     `form:"AllocationStrategy"`
	Reserved *query.Raw `form:"CapacityReservationOptions"`
}

// fleetBounds are options of both markets that the simulator notices and refuses.
type fleetBounds struct {
	MaxPrice   string     `form:"MaxTotalPrice"`
	Min        *query.Raw `form:"MinTargetCapacity"`
	SingleZone *bool      `form:"SingleAvailabilityZone"`
	SingleType *bool      `form:"SingleInstanceType"`
}

func (b fleetBounds) given() bool {
	return b.MaxPrice != "" || b.Min != nil || isTrue(b.SingleZone) || isTrue(b.SingleType)
}

func isTrue(b *bool) bool { return b != nil && *b }

// createFleet is the action.
func (r request) createFleet(p createFleet) (any, error) {
	market, count, err := r.checkFleet(p)
	if err != nil {
		return nil, err
	}
	on, err := readTags(r, p.Tags, "fleet", "instance", "volume", "network-interface")
	if err != nil {
		return nil, err
	}
	l, err := r.plan(p, on)
	if err != nil {
		return nil, err
	}
	r.form.Del("ClientToken")
	r.form.Del("DryRun")
	strategy := p.OnDemand.Strategy
	if market == fleet.Spot {
		strategy = p.Spot.Strategy
	}
	made, err := r.cloud.CreateFleet(r, sim.FleetRequest{
		Region: r.in.name, Token: p.Token, Market: market, Count: count, Overrides: l.overrides, Strategy: sim.Strategy(strategy),
		OS: l.os, Arch: l.arch, OnShutdown: l.onShutdown, Tags: l.tags, Rest: []byte(r.form.Encode()), DryRun: p.DryRun, Attached: l,
	})
	if err != nil {
		return nil, err
	}
	return l.answer(made), nil
}

// maxConfigs is how many launch template configurations a fleet may have (page "API_CreateFleet").
const maxConfigs = 50

// checkFleet refuses what the request cannot ask for at all, and says how much of what it wants.
func (r request) checkFleet(p createFleet) (fleet.Market, int, error) {
	missing := func(name string) (fleet.Market, int, error) {
		return "", 0, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter %s", name)
	}
	if err := r.checkKind(p); err != nil {
		return "", 0, err
	}
	switch {
	case len(p.Configs) == 0:
		return missing("LaunchTemplateConfigs")
	case len(p.Configs) > maxConfigs:
		return "", 0, r.refuse(sim.CodeInvalidParameter, "the request has %d launch template configurations; at most %d are allowed", len(p.Configs), maxConfigs)
	case p.Target == nil || p.Target.Total == nil:
		return missing("TargetCapacitySpecification.TotalTargetCapacity")
	}
	return r.market(*p.Target)
}

// checkKind refuses what is not for fleets of type instant, and what the simulator does not know of them.
func (r request) checkKind(p createFleet) error {
	notSimulated := ""
	switch {
	case p.Type == "" || p.Type == "maintain" || p.Type == "request":
		notSimulated = "fleets of another type than instant (without a type it is maintain)"
	case p.Type != "instant":
		return r.refuse(sim.CodeInvalidParameter, "Value (%s) for parameter Type is invalid.", p.Type)
	case p.Excess != "" || p.Replace != nil || isTrue(p.Expiring):
		return r.refuse(sim.CodeInvalidParameter, "ExcessCapacityTerminationPolicy, ReplaceUnhealthyInstances and "+
			"TerminateInstancesWithExpiration are not for fleets of type instant.")
	case p.Spot.Interruption != "" && p.Spot.Interruption != "terminate":
		return r.refuse(sim.CodeInvalidParameter, "the interruption behavior %q needs a persistent spot request, "+
			"which a fleet of type instant does not make", p.Spot.Interruption)
	case p.Reserved != nil || p.From != nil || p.Until != nil:
		notSimulated = "ReservedCapacityOptions, ValidFrom and ValidUntil"
	case p.unknownOptions():
		notSimulated = "options of fleets other than the allocation strategy and the interruption behavior"
	case p.Target != nil && p.Target.Unit != "" && p.Target.Unit != "units":
		notSimulated = "capacities in vcpu or memory-mib"
	}
	if notSimulated != "" {
		return r.refuse(codeNotSimulated, "the simulator does not know %s", notSimulated)
	}
	return nil
}

func (p createFleet) unknownOptions() bool {
	return p.Spot.given() || p.Spot.Pools != nil || p.Spot.Maintenance != nil || p.OnDemand.given() || p.OnDemand.Reserved != nil
}

// market says which market the target is of. A fleet of both is not simulated.
func (r request) market(t target) (fleet.Market, int, error) {
	onDemand, spot := t.OnDemand, t.Spot
	rest := *t.Total - onDemand - spot
	switch {
	case onDemand < 0 || spot < 0 || rest < 0:
		return "", 0, r.refuse(sim.CodeInvalidFleet, "The target capacities of spot and on-demand are more than the total target capacity.")
	case t.Default == string(fleet.Spot):
		spot += rest
	case t.Default == string(fleet.OnDemand):
		onDemand += rest
	case t.Default == "" && rest == 0 && *t.Total > 0:
	case t.Default == "":
		return "", 0, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter TargetCapacitySpecification.DefaultTargetCapacityType")
	default:
		return "", 0, r.refuse(codeNotSimulated, "the simulator does not know the capacity type %s", t.Default)
	}
	switch {
	case onDemand > 0 && spot > 0:
		return "", 0, r.refuse(codeNotSimulated, "the simulator does not know fleets of both spot and on-demand instances")
	case spot > 0 || onDemand == 0 && t.Default == string(fleet.Spot):
		return fleet.Spot, spot, nil
	default:
		return fleet.OnDemand, onDemand, nil
	}
}

// zonesOf are the zones in which an override launches: those of its subnet, its own, the template's, or all that there are.
func (r request) zonesOf(o fleetOverride, d launchData) ([]string, error) {
	n := r.in.network
	subnetID, zone := o.Subnet, o.Zone
	if o.Zone != "" && o.ZoneID != "" {
		return nil, r.refuse(codeCombination, "Either AvailabilityZone or AvailabilityZoneId is given, not both.")
	}
	if o.ZoneID != "" {
		var ok bool
		if zone, ok = n.zoneOf(o.ZoneID); !ok {
			return nil, r.refuse(sim.CodeInvalidParameter, "Invalid availability zone id: [%s]", o.ZoneID)
		}
	}
	if o.Placement != nil && zone == "" {
		zone = o.Placement.Zone
	}
	if subnetID == "" && zone == "" {
		for _, i := range d.Interfaces {
			subnetID = i.Subnet
		}
		if d.Placement != nil {
			zone = d.Placement.Zone
		}
	}
	if strings.Contains(subnetID, ",") { // page "API_FleetLaunchTemplateOverridesRequest"
		return nil, r.refuse(sim.CodeInvalidParameter, "A request of type instant can have only one subnet ID.")
	}
	switch {
	case subnetID != "":
		if !hasForm(subnetID, "subnet") {
			return nil, r.refuse(codeSubnetBadID, "Invalid id: \"%s\" (expecting \"subnet-...\")", subnetID)
		}
		s, ok := n.subnet(subnetID)
		if !ok {
			return nil, r.refuse(codeSubnetNoID, "The subnet ID '%s' does not exist", subnetID)
		}
		if zone != "" && zone != s.zone {
			return nil, r.refuse(sim.CodeInvalidFleet, "The specified Subnet: %s cannot be used with the specified Availability Zone: %s.", subnetID, zone)
		}
		return []string{s.zone}, nil
	case zone != "":
		zones := strings.Split(zone, ",")
		for i := range zones {
			zones[i] = strings.TrimSpace(zones[i])
		}
		return zones, nil
	default:
		return r.cloud.Zones(r.in.name), nil
	}
}
