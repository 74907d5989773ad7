package sim

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// API actions.
const (
	actionFleet     = "CreateFleet"
	actionDescribe  = "DescribeInstances"
	actionTerminate = "TerminateInstances"
	actionStop      = "StopInstances"
	actionStart     = "StartInstances"
	actionConsole   = "GetConsoleOutput"
)

// Strategy is how a fleet chooses between its pools (page "ec2-fleet-allocation-strategy").
type Strategy string

// The strategies. The empty one is LowestPrice.
const (
	LowestPrice            Strategy = "lowest-price"
	Prioritized            Strategy = "prioritized"                    // on demand only
	CapacityPrioritized    Strategy = "capacity-optimized-prioritized" // here: prioritized
	CapacityOptimized      Strategy = "capacity-optimized"
	PriceCapacityOptimized Strategy = "price-capacity-optimized"
	Diversified            Strategy = "diversified"
)

// What a shutdown from within does (page "API_ModifyInstanceAttribute"). EC2's default is to stop.
const (
	StopOnShutdown      = "stop"
	TerminateOnShutdown = "terminate"
)

// FleetRequest asks for instances: CreateFleet of the type instant, with what the cloud knows of its launch template.
type FleetRequest struct {
	Region     string
	Token      string // the client token; empty is none
	Market     fleet.Market
	Count      int
	Overrides  []Override
	Strategy   Strategy
	OS         fleet.OS
	Arch       fleet.Arch // of the image
	OnShutdown string
	Tags       map[string]string
	// Rest is whatever else the caller's request says: a repetition has to say the same.
	Rest   []byte
	DryRun bool
	// Attached is the caller's own; each of the instances has it. A repetition may bring another, which is dropped.
	Attached any `json:"-"`
}

// Override is one pool that a fleet may use.
type Override struct {
	Type     string
	Zone     string
	Priority float64    // the lower, the better
	Arch     fleet.Arch // of the override's own image; empty is the request's
	// Code and Message say why nothing can be launched with this override, whatever the capacity; empty if something can.
	Code    string
	Message string
}

// FleetError is why a pool gave less than it was asked for.
type FleetError struct {
	Override Override
	Market   fleet.Market
	Code     string
	Message  string
}

// FleetAnswer holds what was created, and what was in the way: often both at once.
type FleetAnswer struct {
	FleetID   string
	Instances []Instance
	Errors    []FleetError
}

// fleetRecord is what is kept of a request, for its repetitions.
type fleetRecord struct {
	id       string
	digest   [sha256.Size]byte
	machines []*machine
	errors   []FleetError
}

func (r *fleetRecord) answer() FleetAnswer {
	a := FleetAnswer{FleetID: r.id, Errors: slices.Clone(r.errors)}
	for _, m := range r.machines {
		a.Instances = append(a.Instances, m.now())
	}
	return a
}

// Bounds of a request: target capacity and overrides of pages "fleet-quotas" and "API_FleetLaunchTemplateConfigRequest",
// the token of page "ec2-api-idempotency", tags of page "Using_Tags".
const (
	maxFleet     = 10_000
	maxOverrides = 300
	maxToken     = 64
	maxTags      = 50
	maxTagKey    = 128
	maxTagValue  = 256
)

// CreateFleet creates instances. A repetition with the same token and the same request creates nothing and tells of the
// same instances, whatever became of them; another request with the token is refused (page "ec2-api-idempotency").
func (c *Cloud) CreateFleet(ctx context.Context, r FleetRequest) (FleetAnswer, error) {
	r.Overrides, r.Tags, r.Rest = slices.Clone(r.Overrides), maps.Clone(r.Tags), slices.Clone(r.Rest)
	return call(ctx, c, action{name: actionFleet, region: r.Region, resources: r.Count}, func(at moment) (FleetAnswer, error) {
		if err := c.checkFleet(r, at.region); err != nil {
			return FleetAnswer{}, err
		}
		digest := r.digest()
		if kept, used := at.region.tokens[r.Token]; used && r.Token != "" {
			if kept.digest != digest {
				return FleetAnswer{}, refuse(actionFleet, CodeMismatch,
					"Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with the token %s", r.Token)
			}
			return kept.answer(), nil
		}
		if r.DryRun {
			return FleetAnswer{}, refuse(actionFleet, CodeDryRun, "Request would have succeeded, but DryRun flag is set.")
		}
		record := &fleetRecord{id: "fleet-" + identifier(at.dice, "fleet", c.made), digest: digest}
		placed, errs := c.allocate(r, at)
		record.errors = errs
		for _, p := range placed {
			record.machines = append(record.machines, c.create(&r, record.id, p, at))
		}
		if r.Token != "" {
			at.region.tokens[r.Token] = record
		}
		return record.answer(), nil
	})
}

func (r FleetRequest) digest() [sha256.Size]byte {
	r.DryRun = false
	b, err := json.Marshal(r) //nolint:musttag // only digested
	if err != nil {
		panic("sim: " + err.Error())
	}
	return sha256.Sum256(b)
}

// create makes one instance.
func (c *Cloud) create(r *FleetRequest, fleetID string, p *pool, at moment) *machine {
	c.made++
	n := c.made
	m := &machine{
		number: n, id: "i-" + identifier(c.seed, "instance", n), request: r, tags: r.Tags, fleet: fleetID, pool: p, arch: p.spec.Arch, vcpu: p.spec.VCPU,
		launched: at.now, visible: at.now, dice: at.dice.named("machine", n),
	}
	if m.dice.chance(c.faults.Hidden, "hidden", 0) {
		c.tally.Hidden++
		m.visible = at.now.Add(time.Duration(m.dice.unit("hidden for", 0) * float64(c.faults.HiddenFor)))
	}
	c.machines[m.id] = m
	at.region.machines = append(at.region.machines, m)
	c.powerOn(m, at.now)
	return m
}

// identifier is 17 hexadecimal characters, of which the last eight are the number: no two are equal.
func identifier(d dice, what string, n int) string {
	const digits = "0123456789abcdef"
	random, id := uint64(d.named(what, n)), make([]byte, 17)
	for i := range 9 {
		id[i] = digits[random>>(4*i)&0xf]
	}
	for i := range 8 {
		id[16-i] = digits[n>>(4*i)&0xf]
	}
	return string(id)
}

func (c *Cloud) checkFleet(r FleetRequest, in *region) error {
	invalid := func(format string, args ...any) error {
		return refuse(actionFleet, CodeInvalidParameter, format, args...)
	}
	switch {
	case !plainToken(r.Token):
		return invalid("the client token has more than %d characters, or one that is not ASCII", maxToken)
	case r.Count < 1 || r.Count > maxFleet:
		return invalid("the target capacity is %d; it must be 1 to %d", r.Count, maxFleet)
	case len(r.Overrides) == 0:
		return refuse(actionFleet, CodeMissingParameter, "the request names no instance type")
	case len(r.Overrides) > maxOverrides:
		return invalid("the request has %d overrides; at most %d are allowed", len(r.Overrides), maxOverrides)
	case r.Market != fleet.Spot && r.Market != fleet.OnDemand:
		return invalid("the capacity type %q is neither spot nor on-demand", r.Market)
	case r.OS != fleet.Linux && r.OS != fleet.Windows, r.Arch != fleet.AMD64 && r.Arch != fleet.ARM64:
		return invalid("there is no image for %s on %s", r.OS, r.Arch)
	case r.OnShutdown != "" && r.OnShutdown != StopOnShutdown && r.OnShutdown != TerminateOnShutdown:
		return invalid("the shutdown behavior %q is neither stop nor terminate", r.OnShutdown)
	case !r.Strategy.suits(r.Market):
		return invalid("the allocation strategy %q does not exist for %s capacity", r.Strategy, r.Market)
	}
	if err := c.checkOverrides(r, in); err != nil {
		return err
	}
	return CheckTags(actionFleet, r.Tags)
}

func (s Strategy) suits(m fleet.Market) bool {
	switch s {
	case "", LowestPrice:
		return true
	case Prioritized:
		return m == fleet.OnDemand
	case CapacityOptimized, CapacityPrioritized, PriceCapacityOptimized, Diversified:
		return m == fleet.Spot
	default:
		return false
	}
}

// checkOverrides refuses what a fleet refuses as a whole: types that do not exist, zones of other regions, and two
// overrides for one pool, which is a type in a zone (failure mode D5).
func (c *Cloud) checkOverrides(r FleetRequest, in *region) error {
	seen := map[Override]bool{}
	for _, o := range r.Overrides {
		if _, ok := c.catalog.Type(o.Type); !ok {
			return refuse(actionFleet, CodeInvalidFleet, "The instance type %q does not exist.", o.Type)
		}
		if !slices.ContainsFunc(in.Zones, func(z Zone) bool { return z.Name == o.Zone }) {
			return refuse(actionFleet, CodeInvalidParameter, "Invalid availability zone: %q", o.Zone)
		}
		key := Override{Type: o.Type, Zone: o.Zone}
		if seen[key] {
			return refuse(actionFleet, CodeInvalidFleet, "The fleet configuration contains duplicate instance pools.")
		}
		seen[key] = true
	}
	return nil
}

func plainToken(token string) bool {
	return len(token) <= maxToken && !strings.ContainsFunc(token, func(r rune) bool { return r > '~' || r < ' ' })
}

// CheckTags refuses tags that EC2 refuses on any resource: more than 50, keys and values that are too long, and keys that are
// AWS's own (page "Using_Tags"). The action is the one in the refusal.
func CheckTags(action string, tags map[string]string) error {
	if len(tags) > maxTags {
		return refuse(action, CodeTagLimit, "a resource has at most %d tags", maxTags)
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case k == "", len([]rune(k)) > maxTagKey, len([]rune(tags[k])) > maxTagValue:
			return refuse(action, CodeInvalidParameter, "the tag %q has no key, or more than %d characters in its key or %d in its value", k, maxTagKey, maxTagValue)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return refuse(action, CodeInvalidParameter, "Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	return nil
}

func (c *Cloud) regionNames() []string { return slices.Sorted(maps.Keys(c.regions)) }
