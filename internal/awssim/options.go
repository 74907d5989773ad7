package awssim

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options are what a server is made of.
type Options struct {
	Cloud *sim.Cloud
	Clock seam.Clock // the cloud's
	// Regions are those of the cloud that have an address. Empty is all of them.
	Regions []string
	// Images are what there is to launch, in every region; nil is StockImages. Their ids differ from region to region.
	Images []Image
	// SecurityGroups are the names of groups that each region's default VPC has beside its default group.
	SecurityGroups []string
	// InstanceProfiles are the names of instance profiles that exist. IAM is not simulated: nil means that any exists.
	InstanceProfiles []string
	// Account is the twelve digits of who owns everything; empty is 123456789012, as in the cloud.
	Account string
	// Observe is told of every request when it has been answered; nil tells nobody.
	Observe func(Observed)
	Log     *slog.Logger // nil logs nothing
}

// Observed is one answered request.
type Observed struct {
	Region string
	Action string
	Code   string // of a refusal, empty if it was granted
}

// Server is the API. Its methods may be called concurrently.
type Server struct {
	cloud    *sim.Cloud
	clock    seam.Clock
	account  string
	profiles []string
	observe  func(Observed)
	log      *slog.Logger
	actions  map[string]handler
	regions  map[string]*region

	mu       sync.Mutex // guards what regions keep, and requests; never held during a call to the cloud
	requests uint64
}

// New makes a server.
func New(o Options) (*Server, error) {
	if o.Cloud == nil || o.Clock == nil {
		return nil, errors.New("a simulator of EC2 needs a cloud and its clock")
	}
	s := &Server{
		cloud: o.Cloud, clock: o.Clock, account: o.Account, profiles: slices.Clone(o.InstanceProfiles), observe: o.Observe,
		log: o.Log, regions: map[string]*region{},
	}
	if s.account == "" {
		s.account = "123456789012"
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	images := o.Images
	if images == nil {
		images = StockImages()
	}
	names := o.Regions
	if len(names) == 0 {
		names = o.Cloud.Regions()
	}
	for _, name := range names {
		zones := o.Cloud.Zones(name)
		if len(zones) == 0 {
			return nil, fmt.Errorf("the cloud has no region %q", name)
		}
		s.regions[name] = newRegion(name, zones, images, o.SecurityGroups)
	}
	s.actions = actions()
	return s, nil
}
