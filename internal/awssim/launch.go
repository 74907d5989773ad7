package awssim

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// launch is a CreateFleet request as the cloud understands it, with what belongs to each pool. It is attached to instances
// and never changed.
type launch struct {
	network    network
	account    string
	overrides  []sim.Override
	os         fleet.OS
	arch       fleet.Arch
	onShutdown string
	tags       map[string]string // of instances
	volumeTags map[string]string
	ifaceTags  map[string]string
	places     map[place]*source
}

// place is a pool within a request.
type place struct{ instanceType, zone string }

// source is what instances of a pool are made from.
type source struct {
	data     launchData // of the template, with the override in its place
	image    Image
	subnet   subnet
	groups   []group
	override fleetOverride
	template *template
	version  int
}

// lowest is the priority of an override without one (page "API_FleetLaunchTemplateOverridesRequest").
const lowest = 1e9

// plan reads templates and overrides. What is wrong with the request as a whole is an error; what is wrong with one override
// goes with it, and becomes one of the fleet's Errors.
func (r request) plan(p createFleet, on tagsOn) (*launch, error) {
	l := &launch{network: r.in.network, account: r.account, os: fleet.Linux, arch: fleet.AMD64, places: map[place]*source{}}
	for i, c := range p.Configs {
		v, err := r.versionFor(c.Template)
		if err != nil {
			return nil, err
		}
		data := v.data
		data.UserData = cmp.Or(c.Template.UserData, data.UserData)
		if i > 0 && data.OnShutdown != l.onShutdown {
			return nil, r.refuse(codeNotSimulated, "the simulator does not know fleets whose launch templates differ in InstanceInitiatedShutdownBehavior")
		}
		l.onShutdown = data.OnShutdown
		if err := l.tag(r, data, on, i > 0); err != nil {
			return nil, err
		}
		overrides := c.Overrides
		if len(overrides) == 0 {
			overrides = []fleetOverride{{}}
		}
		for _, o := range overrides {
			if err := l.add(r, v, data, o); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// versionFor is the version that a fleet names, which it must (page "API_FleetLaunchTemplateSpecificationRequest").
func (r request) versionFor(t templateSpec) (*version, error) {
	if t.Version == "" {
		return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter LaunchTemplateSpecification.Version")
	}
	if err := checkUserData(r.action, t.UserData); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.template(t.templateRef)
	if err != nil {
		return nil, err
	}
	return r.version(found, t.Version)
}

// tag joins the tags of a template and a fleet, whose own count where both have one.
func (l *launch) tag(r request, d launchData, on tagsOn, further bool) error {
	template, err := readTags(r, d.TagSpecification, "instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu")
	if err != nil {
		return err
	}
	for kind, tags := range map[string]*map[string]string{"instance": &l.tags, "volume": &l.volumeTags, "network-interface": &l.ifaceTags} {
		joined := map[string]string{}
		maps.Copy(joined, template[kind])
		maps.Copy(joined, on[kind])
		if further && !maps.Equal(joined, *tags) {
			return r.refuse(codeNotSimulated, "the simulator does not know fleets whose launch templates differ in their tags")
		}
		if err := sim.CheckTags(r.action, joined); err != nil {
			return err
		}
		*tags = joined
	}
	return nil
}

// add puts an override's pools into the launch.
func (l *launch) add(r request, v *version, d launchData, o fleetOverride) error {
	if o.Requirements != nil || o.Weight != nil && *o.Weight != 1 || o.MaxPrice != "" {
		return r.refuse(codeNotSimulated, "the simulator does not know InstanceRequirements, WeightedCapacity and MaxPrice")
	}
	kind := cmp.Or(o.InstanceType, d.InstanceType)
	if kind == "" {
		return r.refuse(sim.CodeMissingParameter, "The request must contain the parameter InstanceType, in the launch template or the override")
	}
	zones, err := r.zonesOf(o, d)
	if err != nil {
		return err
	}
	s := source{data: d.with(o), override: o, template: v.template, version: v.number}
	refused := cmp.Or(s.resolve(r), s.checkKeys(r, l.tags))
	if refused == nil {
		if err := l.join(r, s.image.OS); err != nil {
			return err
		}
	}
	for _, zone := range zones {
		pool := sim.Override{Type: kind, Zone: zone, Priority: lowest, Arch: s.image.Arch}
		if o.Priority != nil {
			pool.Priority = *o.Priority
		}
		if refused != nil {
			_, pool.Code, pool.Message, _ = refusal(refused)
		}
		l.overrides = append(l.overrides, pool)
		here := s
		here.subnet, _ = r.in.network.subnetIn(zone)
		l.places[place{kind, zone}] = &here
	}
	return nil
}

// join makes sure that all images are of one operating system, which is the simulator's own bound.
func (l *launch) join(r request, os fleet.OS) error {
	for _, s := range l.places {
		if s.image.OS != "" && s.image.OS != os {
			return r.refuse(codeNotSimulated, "the simulator does not know fleets of several operating systems")
		}
	}
	l.os = os
	return nil
}

// with is the template's data with an override in its place.
func (d launchData) with(o fleetOverride) launchData {
	d.ImageID = cmp.Or(o.ImageID, d.ImageID)
	d.KeyName = cmp.Or(o.KeyName, d.KeyName)
	if o.Profile != nil {
		d.Profile = o.Profile
	}
	if len(o.Devices) > 0 {
		d.Devices = o.Devices
	}
	if o.Metadata != nil {
		d.Metadata = o.Metadata
	}
	return d
}

// resolve looks up what the data name. What does not exist is noticed at the launch only, as one of the fleet's Errors.
func (s *source) resolve(r request) error {
	d := s.data
	if d.ImageID == "" {
		return r.refuse(sim.CodeMissingParameter, "The request must contain the parameter ImageId")
	}
	var err error
	if s.image, err = r.in.image(r.action, d.ImageID); err != nil {
		return err
	}
	ids, names := d.GroupIDs, d.GroupNames
	if len(d.Interfaces) > 0 {
		if len(ids)+len(names) > 0 {
			return r.refuse(codeCombination, "Network interfaces and an instance-level security groups may not be specified on the same request")
		}
		ids = d.Interfaces[0].GroupIDs
	}
	for _, id := range ids {
		if !hasForm(id, "sg") {
			return r.refuse(codeGroupBadID, "Invalid id: \"%s\" (expecting \"sg-...\")", id)
		}
		g, ok := r.in.network.group(id)
		if !ok {
			return r.refuse(codeGroupNoID, "The security group '%s' does not exist", id)
		}
		s.groups = append(s.groups, g)
	}
	for _, name := range names {
		g, ok := r.in.network.groupNamed(name)
		if !ok {
			return r.refuse(codeGroupNoID, "The security group '%s' does not exist in default VPC '%s'", name, r.in.network.vpc)
		}
		s.groups = append(s.groups, g)
	}
	if len(s.groups) == 0 {
		s.groups = r.in.network.groups[:1] // the default group
	}
	return s.checkRest(r)
}

// inMetadata are the tag keys that an instance's metadata can show (page "work-with-tags-in-IMDS").
var inMetadata = regexp.MustCompile(`^[0-9a-zA-Z\-_+=,.@:]{1,255}$`)

// checkKeys refuses tags that cannot be shown, of instances whose metadata are to show them.
func (s *source) checkKeys(r request, tags map[string]string) error {
	if m := s.data.Metadata; m == nil || m.Tags != "enabled" {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if !inMetadata.MatchString(k) || k == "." || k == ".." || k == "_index" {
			return r.refuse(sim.CodeInvalidParameter, "'%s' is not a valid tag key. Tag keys must match pattern %s, "+
				"and must not be a reserved name ('.', '..', '_index')", k, inMetadata)
		}
	}
	return nil
}

func (s *source) checkRest(r request) error {
	if p := s.data.Profile; p != nil && r.profiles != nil && !has(r.profiles, s.profileName()) {
		return r.refuse(sim.CodeInvalidParameter, "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", s.profileName())
	}
	for _, d := range s.data.Devices {
		if d.EBS == nil || d.EBS.Size == nil || d.Name != s.image.Root {
			continue
		}
		if *d.EBS.Size < s.image.GiB { // page "API_EbsBlockDevice"
			return r.refuse("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB",
				*d.EBS.Size, resourceID("snap", s.image.ID), s.image.GiB)
		}
	}
	return nil
}

func (s *source) profileName() string {
	p := s.data.Profile
	if p.Name != "" {
		return p.Name
	}
	return p.ARN[lastSlash(p.ARN)+1:]
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

func (s *source) versionText() string { return strconv.Itoa(s.version) }
