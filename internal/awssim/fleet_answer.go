package awssim

import (
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type fleetAnswer struct {
	ID        string          `xml:"fleetId"`
	Instances []fleetInstance `xml:"fleetInstanceSet>item"`
	Errors    []fleetError    `xml:"errorSet>item"`
}

type fleetInstance struct {
	From      templateAndOverrides `xml:"launchTemplateAndOverrides"`
	Lifecycle string               `xml:"lifecycle"`
	IDs       []string             `xml:"instanceIds>item"`
	Type      string               `xml:"instanceType"`
	Platform  string               `xml:"platform,omitempty"`
	Zone      string               `xml:"availabilityZone"`
	ZoneID    string               `xml:"availabilityZoneId"`
	Subnet    string               `xml:"subnetId"`
}

type fleetError struct {
	From      templateAndOverrides `xml:"launchTemplateAndOverrides"`
	Lifecycle string               `xml:"lifecycle"`
	Code      string               `xml:"errorCode"`
	Message   string               `xml:"errorMessage"`
}

type templateAndOverrides struct {
	Template templateAtVersion `xml:"launchTemplateSpecification"`
	Override overrideItem      `xml:"overrides"`
}

type templateAtVersion struct {
	ID      string `xml:"launchTemplateId"`
	Version string `xml:"version"`
}

type overrideItem struct {
	Type     string `xml:"instanceType,omitempty"`
	Subnet   string `xml:"subnetId,omitempty"`
	Zone     string `xml:"availabilityZone,omitempty"`
	ZoneID   string `xml:"availabilityZoneId,omitempty"`
	ImageID  string `xml:"imageId,omitempty"`
	Priority string `xml:"priority,omitempty"`
}

// answer tells what was created, pool by pool, and what was in the way (page "API_CreateFleet").
func (l *launch) answer(made sim.FleetAnswer) fleetAnswer {
	a := fleetAnswer{ID: made.FleetID}
	at := map[place]int{}
	for _, i := range made.Instances {
		where := place{i.Pool.Type, i.Pool.Zone}
		n, seen := at[where]
		if !seen {
			n = len(a.Instances)
			at[where] = n
			a.Instances = append(a.Instances, l.instances(where, i))
		}
		a.Instances[n].IDs = append(a.Instances[n].IDs, i.ID)
	}
	for _, e := range made.Errors {
		where := place{e.Override.Type, e.Override.Zone}
		a.Errors = append(a.Errors, fleetError{l.from(where), lifecycle(e.Market), e.Code, e.Message})
	}
	return a
}

func (l *launch) instances(where place, i sim.Instance) fleetInstance {
	s := l.places[where].subnet
	return fleetInstance{
		From: l.from(where), Lifecycle: lifecycle(i.Pool.Market), Type: where.instanceType, Platform: platformOf(i.OS),
		Zone: s.zone, ZoneID: s.zoneID, Subnet: s.id,
	}
}

func (l *launch) from(where place) templateAndOverrides {
	s := l.places[where]
	o := overrideItem{Type: where.instanceType, Subnet: s.override.Subnet, ImageID: s.override.ImageID}
	if s.override.Zone != "" || s.override.ZoneID != "" {
		o.Zone, o.ZoneID = s.subnet.zone, s.subnet.zoneID
	}
	if s.override.Priority != nil {
		o.Priority = strconv.FormatFloat(*s.override.Priority, 'f', -1, 64)
	}
	return templateAndOverrides{templateAtVersion{s.template.id, s.versionText()}, o}
}

// lifecycle is a market in the words of a fleet's answer.
func lifecycle(m fleet.Market) string {
	if m == fleet.Spot {
		return "spot"
	}
	return "on-demand"
}
