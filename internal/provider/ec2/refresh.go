package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
)

// Refresh asks EC2 what a site offers. On an error what was known before stays.
func (p *Provider) Refresh(ctx context.Context, site fleet.Site) error {
	at, ok := p.places[site]
	if !ok {
		return fmt.Errorf("%s: %w", site, errUnknownSite)
	}
	var s stock
	var err error
	if s.zones, err = zones(ctx, at.client, at.site.Subnets); err != nil {
		return err
	}
	if s.images, err = p.images(ctx, at); err != nil {
		return err
	}
	if s.types, err = instanceTypes(ctx, at.client); err != nil {
		return err
	}
	if err := offerings(ctx, at.client, s.zones); err != nil {
		return err
	}
	now := p.options.Clock.Now()
	if s.spot, err = spotPrices(ctx, at.client, now); err != nil {
		return err
	}
	inv, err := assemble(s, p.options.Prices, now)
	if err != nil {
		return err
	}
	if len(inv.Types) == 0 {
		return fmt.Errorf("none of the zones of %s offers a type that the price list has", site)
	}
	at.inventory.Store(inv)
	at.stale.Store(false)
	p.save(ctx, at.site, inv)
	return nil
}

// load reads the cache. What was kept of other subnets or images is of no use.
func (p *Provider) load(ctx context.Context, s Site) (*Inventory, error) {
	if p.options.Cache == nil {
		return nil, nil //nolint:nilnil // nothing was kept
	}
	content, err := p.options.Cache.Load(ctx, s.Site)
	if err != nil || len(content) == 0 {
		return nil, err
	}
	inv, err := decodeInventory(content)
	if err != nil {
		return nil, err
	}
	for _, z := range inv.Zones {
		if !slices.Contains(s.Subnets, z.Subnet) {
			return nil, fmt.Errorf("it is of the subnet %s, which is not configured any more", z.Subnet)
		}
	}
	for _, image := range s.Images {
		if _, found := inv.image(image.Name, image.OS, image.Arch); !found {
			return nil, fmt.Errorf("it has no image for %s on %s", image.OS, image.Arch)
		}
	}
	return inv, nil
}

func (p *Provider) save(ctx context.Context, s Site, inv *Inventory) {
	if p.options.Cache == nil {
		return
	}
	content, err := inv.encode()
	if err == nil {
		err = p.options.Cache.Save(ctx, s.Site, content)
	}
	if err != nil { // it serves a later start only
		p.options.Logger.WarnContext(ctx, "what a region offers could not be kept", "site", s.Site, "error", err)
	}
}

// zones finds the zone of each subnet. Of two subnets in one zone the first is used (failure mode D5).
func zones(ctx context.Context, c *api.Client, subnets []string) ([]Zone, error) {
	out, err := c.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: subnets})
	if err != nil {
		return nil, fmt.Errorf("looking for the subnets: %w", err)
	}
	found := map[string]types.Subnet{}
	for _, s := range out.Subnets {
		found[aws.ToString(s.SubnetId)] = s
	}
	var zones []Zone
	for _, id := range subnets {
		s, ok := found[id]
		name := aws.ToString(s.AvailabilityZone)
		switch {
		case !ok || name == "":
			return nil, fmt.Errorf("there is no subnet %s", id)
		case !slices.ContainsFunc(zones, func(z Zone) bool { return z.Name == name }):
			zones = append(zones, Zone{Name: name, Subnet: id, Public: aws.ToBool(s.MapPublicIpOnLaunch)})
		}
	}
	return zones, nil
}

// images finds the image of each source.
func (p *Provider) images(ctx context.Context, at *place) ([]FoundImage, error) {
	var all []FoundImage
	for _, i := range at.site.Images {
		in, err := p.imageQuery(ctx, at.site.Site.Region, i)
		if err != nil {
			return nil, err
		}
		out, err := at.client.DescribeImages(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("looking for the image %s: %w", i.Source, err)
		}
		found, err := newest(out.Images, i)
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return all, nil
}

func (p *Provider) imageQuery(ctx context.Context, region string, i Image) (*ec2.DescribeImagesInput, error) {
	id := i.Source
	if name, isParameter := strings.CutPrefix(i.Source, sourceParameter); isParameter {
		value, err := p.options.Parameter(ctx, region, name)
		if err != nil {
			return nil, fmt.Errorf("reading the parameter %s, which names an image: %w", name, err)
		}
		if id = strings.TrimSpace(value); !imageID.MatchString(id) {
			return nil, fmt.Errorf("the parameter %s is %q, which is no image's id", name, id)
		}
	}
	if imageID.MatchString(id) {
		return &ec2.DescribeImagesInput{ImageIds: []string{id}}, nil
	}
	owner, name, _ := strings.Cut(i.Source, "/")
	return &ec2.DescribeImagesInput{
		Owners:  []string{owner}, // without it anybody's image of the name could be the newest
		Filters: []types.Filter{{Name: aws.String("name"), Values: []string{name}}, {Name: aws.String("state"), Values: []string{"available"}}},
	}, nil
}

// newest takes the newest of the images, and refuses one of another architecture: EC2 would refuse every launch.
func newest(images []types.Image, want Image) (FoundImage, error) {
	if len(images) == 0 {
		return FoundImage{}, fmt.Errorf("there is no image %s", want.Source)
	}
	image := slices.MaxFunc(images, func(a, b types.Image) int { // the dates are of one form, which sorts as text
		return strings.Compare(aws.ToString(a.CreationDate), aws.ToString(b.CreationDate))
	})
	id := aws.ToString(image.ImageId)
	if arch := archOf(string(image.Architecture)); arch != want.Arch {
		return FoundImage{}, fmt.Errorf("the image %s (%s) is for %s, and was named for %s", id, want.Source, image.Architecture, want.Arch)
	}
	device := aws.ToString(image.RootDeviceName)
	if device == "" {
		return FoundImage{}, fmt.Errorf("the image %s has no root device", id)
	}
	found := FoundImage{Name: want.Name, OS: want.OS, Arch: want.Arch, ID: id, Device: device}
	for _, m := range image.BlockDeviceMappings {
		if aws.ToString(m.DeviceName) == device && m.Ebs != nil {
			found.MinGB = int(aws.ToInt32(m.Ebs.VolumeSize))
		}
	}
	return found, nil
}

func archOf(name string) fleet.Arch {
	switch name {
	case string(types.ArchitectureValuesX8664):
		return fleet.AMD64
	case string(types.ArchitectureValuesArm64):
		return fleet.ARM64
	default:
		return ""
	}
}

// perPage is how many results a page has (pages "API_DescribeInstanceTypes", "API_DescribeInstanceTypeOfferings",
// "API_DescribeSpotPriceHistory").
const (
	typesPerPage  = 100
	offersPerPage = 1000
	pricesPerPage = 1000
)

// instanceTypes are the types of the region.
func instanceTypes(ctx context.Context, c *api.Client) ([]catalog.Type, error) {
	var all []catalog.Type
	in := &ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(typesPerPage)}
	for {
		out, err := c.DescribeInstanceTypes(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("reading instance types: %w", err)
		}
		for _, t := range out.InstanceTypes {
			if described, ok := instanceType(t); ok {
				all = append(all, described)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

// instanceType is a type as plans see it; ok is false of one on which no Linux of today boots, or that has no size.
func instanceType(t types.InstanceTypeInfo) (catalog.Type, bool) {
	const mibPerGiB = 1024
	out := catalog.Type{
		Name: string(t.InstanceType), Burstable: aws.ToBool(t.BurstablePerformanceSupported), Metal: aws.ToBool(t.BareMetal),
		GPU: t.GpuInfo != nil && len(t.GpuInfo.Gpus) > 0, LocalDisk: aws.ToBool(t.InstanceStorageSupported),
	}
	if t.ProcessorInfo != nil {
		for _, a := range t.ProcessorInfo.SupportedArchitectures {
			if arch := archOf(string(a)); arch != "" {
				out.Arch = arch
			}
		}
	}
	if t.VCpuInfo != nil {
		out.VCPU = int(aws.ToInt32(t.VCpuInfo.DefaultVCpus))
	}
	if t.MemoryInfo != nil {
		out.MemoryGiB = float64(aws.ToInt64(t.MemoryInfo.SizeInMiB)) / mibPerGiB
	}
	return out, out.Arch != "" && out.VCPU > 0 && out.MemoryGiB > 0 && strings.Contains(out.Name, ".")
}

// offerings fills in which types each zone has (failure mode D9).
func offerings(ctx context.Context, c *api.Client, zones []Zone) error {
	var names []string
	for _, z := range zones {
		names = append(names, z.Name)
	}
	in := &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone, MaxResults: aws.Int32(offersPerPage),
		Filters: []types.Filter{{Name: aws.String("location"), Values: names}},
	}
	for {
		out, err := c.DescribeInstanceTypeOfferings(ctx, in)
		if err != nil {
			return fmt.Errorf("reading which zone offers what: %w", err)
		}
		for _, o := range out.InstanceTypeOfferings {
			if i := slices.Index(names, aws.ToString(o.Location)); i >= 0 {
				zones[i].Offered = append(zones[i].Offered, string(o.InstanceType))
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return nil
		}
		in.NextToken = out.NextToken
	}
}

// spotPrices are the present ones: a history that begins now has the newest entry of each pool (page
// "API_DescribeSpotPriceHistory").
func spotPrices(ctx context.Context, c *api.Client, now time.Time) ([]spotPrice, error) {
	var all []spotPrice
	in := &ec2.DescribeSpotPriceHistoryInput{
		StartTime: aws.Time(now), EndTime: aws.Time(now), ProductDescriptions: []string{"Linux/UNIX"}, MaxResults: aws.Int32(pricesPerPage),
	}
	for {
		out, err := c.DescribeSpotPriceHistory(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("reading spot prices: %w", err)
		}
		for _, p := range out.SpotPriceHistory {
			usd, err := strconv.ParseFloat(aws.ToString(p.SpotPrice), 64)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("the spot price of %s is %q", p.InstanceType, aws.ToString(p.SpotPrice)), err)
			}
			all = append(all, spotPrice{Type: string(p.InstanceType), Zone: aws.ToString(p.AvailabilityZone), USD: usd})
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}
