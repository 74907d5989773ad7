package awssim

import (
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type describeTypes struct {
	dry
	filtered
	paged
	Names       []string `form:"InstanceType"`
	Unsupported bool     `form:"IncludeUnsupportedInRegion"`
}

type typesAnswer struct {
	Types []typeItem `xml:"instanceTypeSet>item"`
	Next  string     `xml:"nextToken,omitempty"`
}

// typeItem is a type as far as the catalogue knows it (page "API_InstanceTypeInfo").
type typeItem struct {
	Name      string       `xml:"instanceType"`
	Current   bool         `xml:"currentGeneration"`
	FreeTier  bool         `xml:"freeTierEligible"`
	Usage     []string     `xml:"supportedUsageClasses>item"`
	Roots     []string     `xml:"supportedRootDeviceTypes>item"`
	Virtual   []string     `xml:"supportedVirtualizationTypes>item"`
	Metal     bool         `xml:"bareMetal"`
	Nitro     string       `xml:"hypervisor,omitempty"`
	Processor processor    `xml:"processorInfo"`
	VCPU      vcpuItem     `xml:"vCpuInfo"`
	Memory    memoryItem   `xml:"memoryInfo"`
	Disks     bool         `xml:"instanceStorageSupported"`
	Storage   *storageItem `xml:"instanceStorageInfo"`
	GPU       *gpuItem     `xml:"gpuInfo"`
	Burstable bool         `xml:"burstablePerformanceSupported"`
}

type processor struct {
	Architectures []string `xml:"supportedArchitectures>item"`
}

type vcpuItem struct {
	VCPU int `xml:"defaultVCpus"`
}

type memoryItem struct {
	MiB int `xml:"sizeInMiB"`
}

type storageItem struct {
	NVMe string `xml:"nvmeSupport"`
}

type gpuItem struct {
	GPUs []gpuDevice `xml:"gpus>item"`
}

type gpuDevice struct {
	Manufacturer string `xml:"manufacturer"`
	Count        int    `xml:"count"`
}

func typeFields() fields[catalog.Type] {
	text := one[catalog.Type]
	flag := func(of func(catalog.Type) bool) func(catalog.Type) []string {
		return func(t catalog.Type) []string { return []string{strconv.FormatBool(of(t))} }
	}
	return fields[catalog.Type]{of: map[string]func(catalog.Type) []string{
		"instance-type":                         text(func(t catalog.Type) string { return t.Name }),
		"bare-metal":                            flag(func(t catalog.Type) bool { return t.Metal }),
		"burstable-performance-supported":       flag(func(t catalog.Type) bool { return t.Burstable }),
		"current-generation":                    flag(func(catalog.Type) bool { return true }),
		"instance-storage-supported":            flag(func(t catalog.Type) bool { return t.LocalDisk }),
		"memory-info.size-in-mib":               text(func(t catalog.Type) string { return strconv.Itoa(mebibytes(t)) }),
		"processor-info.supported-architecture": text(func(t catalog.Type) string { return architecture(t.Arch) }),
		"supported-usage-class":                 func(catalog.Type) []string { return []string{"on-demand", "spot"} },
		"supported-virtualization-type":         text(func(catalog.Type) string { return "hvm" }),
		"supported-root-device-type":            text(func(catalog.Type) string { return "ebs" }),
		"vcpu-info.default-vcpus":               text(func(t catalog.Type) string { return strconv.Itoa(t.VCPU) }),
	}}
}

func mebibytes(t catalog.Type) int { return int(t.MemoryGiB * 1024) }

// maxTypes is how many types a request may name, and how many a page has (page "API_DescribeInstanceTypes").
const maxTypes = 100

// describeTypes is the action DescribeInstanceTypes (page "API_DescribeInstanceTypes").
func (r request) describeTypes(p describeTypes) (any, error) {
	fields := typeFields()
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	switch {
	case len(p.Names) > 0 && p.MaxResults != nil:
		return nil, r.refuse(codeCombination, "The parameter InstanceTypes cannot be used with the parameter MaxResults")
	case len(p.Names) > maxTypes:
		return nil, r.refuse(sim.CodeInvalidParameter, "the request names %d instance types; at most %d are allowed", len(p.Names), maxTypes)
	}
	offered := map[string]bool{}
	for _, o := range r.cloud.Offerings(r.in.name) {
		offered[o.Type] = true
	}
	var unknown []string
	for _, name := range p.Names {
		if !offered[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, r.refuse(codeInstanceType, "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var all []catalog.Type
	for _, t := range r.cloud.Catalog().Types() {
		if offered[t.Name] && (len(p.Names) == 0 || has(p.Names, t.Name)) && fields.matches(t, p.Filters) {
			all = append(all, t)
		}
	}
	items, next, err := page(r, pages{5, maxTypes, maxTypes}, p.paged, all, func(t catalog.Type) string { return t.Name })
	if err != nil {
		return nil, err
	}
	answer := typesAnswer{Next: next}
	for _, t := range items {
		answer.Types = append(answer.Types, itemOf(t))
	}
	return answer, nil
}

func itemOf(t catalog.Type) typeItem {
	item := typeItem{
		Name: t.Name, Current: true, Usage: []string{"on-demand", "spot"}, Roots: []string{"ebs"}, Virtual: []string{"hvm"},
		Metal: t.Metal, Nitro: "nitro", Processor: processor{[]string{architecture(t.Arch)}}, VCPU: vcpuItem{t.VCPU},
		Memory: memoryItem{mebibytes(t)}, Disks: t.LocalDisk, Burstable: t.Burstable,
	}
	if t.Metal {
		item.Nitro = ""
	}
	if t.LocalDisk {
		item.Storage = &storageItem{"required"}
	}
	if t.GPU {
		item.GPU = &gpuItem{[]gpuDevice{{"NVIDIA", 1}}}
	}
	return item
}

type describeOfferings struct {
	dry
	filtered
	paged
	Location string `form:"LocationType"`
}

type offeringsAnswer struct {
	Offerings []offeringItem `xml:"instanceTypeOfferingSet>item"`
	Next      string         `xml:"nextToken,omitempty"`
}

type offeringItem struct {
	Type     string `xml:"instanceType"`
	Kind     string `xml:"locationType"`
	Location string `xml:"location"`
}

// describeOfferings is the action DescribeInstanceTypeOfferings, by region or by zone (page
// "API_DescribeInstanceTypeOfferings").
func (r request) describeOfferings(p describeOfferings) (any, error) {
	fields := fields[offeringItem]{of: map[string]func(offeringItem) []string{
		"instance-type": one(func(o offeringItem) string { return o.Type }),
		"location":      one(func(o offeringItem) string { return o.Location }),
	}}
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	if p.Location == "" {
		p.Location = "region"
	}
	if !has([]string{"region", "availability-zone", "availability-zone-id"}, p.Location) {
		return nil, r.refuse(sim.CodeInvalidParameter, "Value (%s) for parameter LocationType is invalid.", p.Location)
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	seen := map[offeringItem]bool{}
	var all []offeringItem
	for _, o := range r.cloud.Offerings(r.in.name) {
		item := offeringItem{o.Type, p.Location, r.in.name}
		switch p.Location {
		case "availability-zone":
			item.Location = o.Zone
		case "availability-zone-id":
			item.Location = zoneID(r.in.name, o.Zone)
		default:
		}
		if !seen[item] && fields.matches(item, p.Filters) {
			seen[item] = true
			all = append(all, item)
		}
	}
	items, next, err := page(r, pages{5, 1000, 1000}, p.paged, all, func(o offeringItem) string { return o.Type + " " + o.Location })
	if err != nil {
		return nil, err
	}
	return offeringsAnswer{items, next}, nil
}
