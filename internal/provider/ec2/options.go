package ec2

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/identity"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options of a Provider. Fleet, Sites, Config, Prices, Clock, Random and Logger are required.
type Options struct {
	// Fleet is the fleet's id, which is in the tags of everything that is made and in every filter.
	Fleet string
	Sites []Site
	// Config makes the settings of the SDK for a region.
	Config func(region string) aws.Config
	// Prices is the catalogue with the prices on demand, which the API of EC2 does not tell. Types that it does not have are
	// not used.
	Prices catalog.Catalog
	// Parameter reads a parameter of Systems Manager; needed only where an image is named by one.
	Parameter func(ctx context.Context, region, name string) (string, error)
	// Certificates verify who says hello; nil is AWS's.
	Certificates identity.Certificates
	// Cache keeps inventories, so that a server can start while EC2 does not answer; optional.
	Cache Cache
	// Rates bound our calls to each region; the zero value is the default.
	Rates api.Rates
	// Tally counts calls; nil counts nothing.
	Tally  *awsclient.Tally
	Clock  seam.Clock
	Random seam.Random
	Logger *slog.Logger
}

// Cache keeps what is known of a site from one start of a server to the next.
type Cache interface {
	// Load returns what was saved, or nothing.
	Load(ctx context.Context, site fleet.Site) ([]byte, error)
	Save(ctx context.Context, site fleet.Site, content []byte) error
}

// Site says how machines of one environment are made in one region.
type Site struct {
	Site fleet.Site
	// Subnets are ids, in the order of preference: of two in one zone the first is used (failure mode D5).
	Subnets        []string
	SecurityGroups []string // ids
	Images         []Image
	// Profile is the name or the ARN of the instance profile that jobs have; empty is none.
	Profile string
	// Tags are the environment's own.
	Tags map[string]string
	// UserData is what every machine reads at its first boot. Everything on it can be read by jobs: it holds no secret.
	UserData []byte
}

// Image is a machine image that labels can ask for.
type Image struct {
	Name string // as a label names it; empty is the default of its platform
	OS   fleet.OS
	Arch fleet.Arch
	// Source is ami-ID, ssm:PARAMETER, or OWNER/NAME with stars in the name, of which the newest is taken.
	Source string
}

// DefaultSource is Canonical's image of Ubuntu 24.04, which its account 099720109477 publishes in every region.
func DefaultSource(arch fleet.Arch) string {
	return "099720109477/ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-" + string(arch) + "-server-*"
}

// What EC2 calls things (page "resource-ids"; account ids have twelve digits).
var (
	imageID     = regexp.MustCompile(`^ami-[0-9a-f]{8}([0-9a-f]{9})?$`)
	ownerID     = regexp.MustCompile(`^(\d{12}|amazon|self)$`)
	subnetID    = regexp.MustCompile(`^subnet-[0-9a-f]{8}([0-9a-f]{9})?$`)
	groupID     = regexp.MustCompile(`^sg-[0-9a-f]{8}([0-9a-f]{9})?$`)
	profileName = regexp.MustCompile(`^(arn:aws[a-z-]*:iam::\d{12}:instance-profile/)?[\w+=,.@/-]{1,128}$`)
)

// CheckSource says what is wrong with the source of an image, or nothing.
func CheckSource(source string) error {
	owner, name, isFilter := strings.Cut(source, "/")
	switch {
	case imageID.MatchString(source):
	case strings.HasPrefix(source, sourceParameter) && len(source) > len(sourceParameter):
	case isFilter && ownerID.MatchString(owner) && name != "":
	default:
		return fmt.Errorf("%q names no image: write ami-ID, ssm:PARAMETER, or OWNER/NAME with the owner's account of twelve digits", source) //nolint:err113 // shown
	}
	return nil
}

const sourceParameter = "ssm:"

func (o Options) check() error {
	switch {
	case o.Fleet == "" || !templateName.MatchString(templatePrefix+o.Fleet):
		return fmt.Errorf("%q is no id of a fleet", o.Fleet)
	case o.Config == nil || o.Clock == nil || o.Random == nil || o.Logger == nil:
		return errors.New("a provider on EC2 needs the settings of AWS, a clock, randomness and a logger")
	case len(o.Prices.Types()) == 0:
		return errors.New("a provider on EC2 needs a catalogue with prices")
	case len(o.Sites) == 0:
		return errors.New("a provider on EC2 needs a region with subnets")
	}
	seen := map[fleet.Site]bool{}
	for _, s := range o.Sites {
		if seen[s.Site] {
			return fmt.Errorf("%s is configured twice", s.Site)
		}
		seen[s.Site] = true
		if err := s.check(o); err != nil {
			return fmt.Errorf("%s: %w", s.Site, err)
		}
	}
	return nil
}

// CheckSubnet says what is wrong with the name of a subnet, or nothing.
func CheckSubnet(id string) error {
	return checkName(subnetID, id, "subnet", "subnet-0123456789abcdef0")
}

// CheckGroup is as CheckSubnet for a security group.
func CheckGroup(id string) error {
	return checkName(groupID, id, "security group", "sg-0123456789abcdef0")
}

// CheckProfile is as CheckSubnet for an instance profile.
func CheckProfile(name string) error {
	return checkName(profileName, name, "instance profile", "ci-jobs, or its ARN")
}

func checkName(form *regexp.Regexp, name, what, example string) error {
	if !form.MatchString(name) {
		return fmt.Errorf("%q is no %s: write one such as %s", name, what, example) //nolint:err113 // shown
	}
	return nil
}

func (s Site) check(o Options) error {
	if s.Site.Environment == "" || s.Site.Region == "" {
		return errors.New("it has no environment or no region")
	}
	if len(s.Subnets) == 0 {
		return errors.New("it has no subnet")
	}
	if len(s.Images) == 0 {
		return errors.New("it has no image")
	}
	for _, id := range s.Subnets {
		if err := CheckSubnet(id); err != nil {
			return err
		}
	}
	for _, id := range s.SecurityGroups {
		if err := CheckGroup(id); err != nil {
			return err
		}
	}
	for _, i := range s.Images {
		if err := CheckSource(i.Source); err != nil {
			return err
		}
		if strings.HasPrefix(i.Source, sourceParameter) && o.Parameter == nil {
			return fmt.Errorf("the image %s is a parameter, and nothing reads parameters", i.Source)
		}
	}
	if s.Profile != "" {
		if err := CheckProfile(s.Profile); err != nil {
			return err
		}
	}
	if err := checkUserData(s.UserData); err != nil {
		return err
	}
	return checkTags(s.Tags)
}

// maxUserData is EC2's limit of user data before it is encoded (page "user-data"; failure mode I1: a limit that is met at the
// first launch is met in production).
const maxUserData = 16 << 10

func checkUserData(b []byte) error {
	if len(b) > maxUserData {
		return fmt.Errorf("user data of %d bytes: EC2 takes %d", len(b), maxUserData)
	}
	return nil
}

// Bounds of tags (page "Using_Tags"). Five are ours.
const (
	maxTags     = 50
	ourTags     = 5
	maxTagKey   = 128
	maxTagValue = 256
)

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags-ourTags {
		return fmt.Errorf("%d tags: a resource has at most %d, of which %d are ours", len(tags), maxTags, ourTags)
	}
	for k, v := range tags {
		folded := strings.ToLower(k)
		switch {
		case k == "" || len([]rune(k)) > maxTagKey || len([]rune(v)) > maxTagValue:
			return fmt.Errorf("tag %q: a key has 1 to %d characters, a value at most %d", k, maxTagKey, maxTagValue)
		case strings.HasPrefix(folded, "aws:") || strings.HasPrefix(folded, owned.TagPrefix):
			return fmt.Errorf("tag %q: keys that begin with aws: are AWS's, and those with %s are ours", k, owned.TagPrefix)
		}
	}
	return nil
}
