package awssim

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Image is a machine image.
type Image struct {
	ID      string // given by the server, another in each region
	Name    string
	Owner   string // twelve digits
	Arch    fleet.Arch
	OS      fleet.OS
	Created time.Time
	Root    string // the root device's name
	GiB     int    // of the root volume
}

// canonical and amazon own the stock images (pages "finding-an-ami" and Ubuntu's "find-ubuntu-images").
const (
	canonical = "099720109477"
	amazon    = "801119661308"
)

// StockImages are what there is to launch in a new account, as far as it matters here: Ubuntu 24.04 for both architectures
// in two builds, and Windows Server 2022.
func StockImages() []Image {
	const ubuntuRoot, windowsRoot = "/dev/sda1", "/dev/sda1"
	ubuntu := func(arch fleet.Arch, serial string, created time.Time) Image {
		return Image{
			Name:  "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-" + string(arch) + "-server-" + serial,
			Owner: canonical, Arch: arch, OS: fleet.Linux, Created: created, Root: ubuntuRoot, GiB: 8,
		}
	}
	older, newer := time.Date(2025, 12, 12, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	return []Image{
		ubuntu(fleet.AMD64, "20251212", older), ubuntu(fleet.ARM64, "20251212", older),
		ubuntu(fleet.AMD64, "20260115", newer), ubuntu(fleet.ARM64, "20260115", newer),
		{
			Name: "Windows_Server-2022-English-Full-Base-2026.01.14", Owner: amazon, Arch: fleet.AMD64, OS: fleet.Windows,
			Created: newer, Root: windowsRoot, GiB: 30,
		},
	}
}

// architecture is the word of EC2's API for an architecture.
func architecture(a fleet.Arch) string {
	if a == fleet.AMD64 {
		return "x86_64"
	}
	return string(a)
}

func (i Image) platform() string {
	if i.OS == fleet.Windows {
		return "Windows"
	}
	return "Linux/UNIX"
}

// image finds an image by its id. The code of the refusal is EC2's (page "errors-overview").
func (in *region) image(action, id string) (Image, error) {
	if !hasForm(id, "ami") {
		return Image{}, refuse(action, codeImageBadID, "Invalid id: \"%s\" (expecting \"ami-...\")", id)
	}
	i, ok := found(in.images, func(i Image) bool { return i.ID == id })
	if !ok {
		return Image{}, refuse(action, codeImageNoID, "The image id '[%s]' does not exist", id)
	}
	return i, nil
}

type describeImages struct {
	dry
	filtered
	paged
	IDs               []string `form:"ImageId"`
	Owners            []string `form:"Owner"`
	IncludeDeprecated bool     `form:"IncludeDeprecated"`
	IncludeDisabled   bool     `form:"IncludeDisabled"`
}

type imagesAnswer struct {
	Images []imageItem `xml:"imagesSet>item"`
	Next   string      `xml:"nextToken,omitempty"`
}

type imageItem struct {
	ID             string       `xml:"imageId"`
	Location       string       `xml:"imageLocation"`
	State          string       `xml:"imageState"`
	Owner          string       `xml:"imageOwnerId"`
	Created        string       `xml:"creationDate"`
	Public         bool         `xml:"isPublic"`
	Arch           string       `xml:"architecture"`
	Type           string       `xml:"imageType"`
	Platform       string       `xml:"platform,omitempty"`
	Details        string       `xml:"platformDetails"`
	OwnerAlias     string       `xml:"imageOwnerAlias,omitempty"`
	Name           string       `xml:"name"`
	RootType       string       `xml:"rootDeviceType"`
	Root           string       `xml:"rootDeviceName"`
	Devices        []deviceItem `xml:"blockDeviceMapping>item"`
	Virtualization string       `xml:"virtualizationType"`
	Hypervisor     string       `xml:"hypervisor"`
	ENA            bool         `xml:"enaSupport"`
}

func imageFields() fields[Image] {
	return fields[Image]{of: map[string]func(Image) []string{
		"architecture":        one(func(i Image) string { return architecture(i.Arch) }),
		"image-id":            one(func(i Image) string { return i.ID }),
		"name":                one(func(i Image) string { return i.Name }),
		"owner-id":            one(func(i Image) string { return i.Owner }),
		"owner-alias":         one(func(i Image) string { return alias(i.Owner) }),
		"state":               one(func(Image) string { return "available" }),
		"is-public":           one(func(Image) string { return "true" }),
		"root-device-type":    one(func(Image) string { return "ebs" }),
		"root-device-name":    one(func(i Image) string { return i.Root }),
		"virtualization-type": one(func(Image) string { return "hvm" }),
		"creation-date":       one(func(i Image) string { return query.Stamp(i.Created) }),
		"platform": one(func(i Image) string {
			if i.OS == fleet.Windows {
				return "windows"
			}
			return ""
		}),
	}}
}

func alias(owner string) string {
	if owner == amazon {
		return "amazon"
	}
	return ""
}

// describeImages is the action of that name (page "API_DescribeImages").
func (r request) describeImages(p describeImages) (any, error) {
	if err := imageFields().check(r, p.Filters); err != nil {
		return nil, err
	}
	for _, id := range p.IDs {
		if _, err := r.in.image(r.action, id); err != nil {
			return nil, err
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var all []Image
	for _, i := range r.in.images {
		named := len(p.IDs) == 0 || has(p.IDs, i.ID)
		owned := len(p.Owners) == 0 || has(p.Owners, i.Owner) || has(p.Owners, alias(i.Owner)) || i.Owner == r.account && has(p.Owners, "self")
		if named && owned && imageFields().matches(i, p.Filters) {
			all = append(all, i)
		}
	}
	items, next, err := page(r, pages{1, 1000, 0}, p.paged, all, func(i Image) string { return i.ID })
	if err != nil {
		return nil, err
	}
	answer := imagesAnswer{Next: next}
	for _, i := range items {
		answer.Images = append(answer.Images, imageItem{
			ID: i.ID, Location: i.Owner + "/" + i.Name, State: "available", Owner: i.Owner, Created: query.Stamp(i.Created), Public: true,
			Arch: architecture(i.Arch), Type: "machine", Platform: platformOf(i.OS), Details: i.platform(), OwnerAlias: alias(i.Owner),
			Name: i.Name, RootType: "ebs", Root: i.Root, Virtualization: "hvm", Hypervisor: "xen", ENA: true,
			Devices: []deviceItem{{Name: i.Root, EBS: &ebsItem{Size: i.GiB, Type: "gp3", DeleteOnTermination: true, Snapshot: resourceID("snap", i.ID)}}},
		})
	}
	return answer, nil
}

// deviceItem is a block device of an image.
type deviceItem struct {
	Name string   `xml:"deviceName"`
	EBS  *ebsItem `xml:"ebs"`
}

type ebsItem struct {
	Snapshot            string `xml:"snapshotId,omitempty"`
	Size                int    `xml:"volumeSize"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
	Type                string `xml:"volumeType"`
	Encrypted           bool   `xml:"encrypted"`
}

// platformOf is empty unless it is Windows (page "API_Instance").
func platformOf(os fleet.OS) string {
	if os == fleet.Windows {
		return "windows"
	}
	return ""
}

func has(list []string, s string) bool {
	if s == "" {
		return false
	}
	_, ok := found(list, func(l string) bool { return l == s })
	return ok
}
