package imds

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// stamp is the form of times in metadata (page "spot-instance-termination-notices").
const stamp = "2006-01-02T15:04:05Z"

// look finds what is at a path: a value, or what is below it, a line each, folders with a slash at their end.
func (s *Service) look(path string, m awssim.Machine) (text string, found bool, err error) {
	switch path {
	case "user-data":
		return string(m.UserData), m.UserData != nil, nil
	case "dynamic/instance-identity/document", "dynamic/instance-identity/rsa2048", "dynamic/instance-identity/signature":
		return s.identity(path, m)
	}
	values := metadataOf(m)
	if v, ok := values[path]; ok {
		return v, true, nil
	}
	folder := strings.TrimSuffix(path, "/") + "/"
	var below []string
	for name := range values {
		if rest, ok := strings.CutPrefix(name, folder); ok {
			child, more, deeper := strings.Cut(rest, "/")
			if deeper && more != "" || deeper {
				child += "/"
			}
			if !slices.Contains(below, child) {
				below = append(below, child)
			}
		}
	}
	slices.Sort(below)
	return strings.Join(below, "\n"), len(below) > 0, nil
}

// metadataOf are the values by their paths (page "instancedata-data-categories").
func metadataOf(m awssim.Machine) map[string]string {
	name := "ip-" + strings.ReplaceAll(m.Address, ".", "-") + "." + m.Pool.Region + ".compute.internal"
	life := "on-demand"
	if m.Pool.Market == fleet.Spot {
		life = "spot"
	}
	values := map[string]string{
		"ami-id": m.Image.ID, "ami-launch-index": "0", "hostname": name, "local-hostname": name, "instance-action": "none",
		"instance-id": m.ID, "instance-life-cycle": life, "instance-type": m.Pool.Type, "local-ipv4": m.Address,
		"placement/availability-zone": m.Pool.Zone, "placement/availability-zone-id": m.ZoneID, "placement/region": m.Pool.Region,
		"reservation-id": m.Reservation, "security-groups": strings.Join(m.Groups, "\n"),
		"services/domain": "amazonaws.com", "services/partition": "aws",
	}
	if m.Profile != "" {
		values["iam/info"] = fmt.Sprintf("{\n  \"Code\" : \"Success\",\n  \"InstanceProfileArn\" : %q\n}", m.Profile)
	}
	if m.Metadata.ShowsTags {
		for k, v := range m.Tags {
			if !strings.HasPrefix(k, "aws:") {
				values["tags/instance/"+k] = v
			}
		}
	}
	if !m.Rebalance.IsZero() {
		values["events/recommendations/rebalance"] = object("noticeTime", m.Rebalance.UTC().Format(stamp))
	}
	if !m.Interruption.IsZero() {
		end := m.Interruption.UTC().Format(stamp)
		values["spot/instance-action"] = object("action", "terminate", "time", end)
		values["spot/termination-time"] = end
	}
	under := make(map[string]string, len(values))
	for k, v := range values {
		under["meta-data/"+k] = v
	}
	return under
}

// object is JSON with its fields in the order given.
func object(pairs ...string) string {
	var out strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			out.WriteString(", ")
		}
		fmt.Fprintf(&out, "%q: %q", pairs[i], pairs[i+1])
	}
	return "{" + out.String() + "}"
}

// document is the identity document (page "instance-identity-documents"), written as EC2 does.
type document struct {
	AccountID       string   `json:"accountId"`
	Architecture    string   `json:"architecture"`
	Zone            string   `json:"availabilityZone"`
	BillingProducts []string `json:"billingProducts"`
	DevpayCodes     []string `json:"devpayProductCodes"`
	MarketCodes     []string `json:"marketplaceProductCodes"`
	Image           string   `json:"imageId"`
	Instance        string   `json:"instanceId"`
	Type            string   `json:"instanceType"`
	Kernel          *string  `json:"kernelId"`
	Pending         string   `json:"pendingTime"`
	Address         string   `json:"privateIp"`
	RAMDisk         *string  `json:"ramdiskId"`
	Region          string   `json:"region"`
	Version         string   `json:"version"`
}

func (s *Service) identity(path string, m awssim.Machine) (text string, found bool, err error) {
	arch := string(m.Arch)
	if m.Arch == fleet.AMD64 {
		arch = "x86_64"
	}
	b, err := json.MarshalIndent(document{
		AccountID: m.Account, Architecture: arch, Zone: m.Pool.Zone, Image: m.Image.ID, Instance: m.ID, Type: m.Pool.Type,
		Pending: m.Started.UTC().Format(stamp), Address: m.Address, Region: m.Pool.Region, Version: "2017-09-30",
	}, "", "  ")
	if err != nil {
		return "", false, fmt.Errorf("encoding the identity document: %w", err)
	}
	text = strings.ReplaceAll(string(b), `": `, `" : `)
	switch {
	case strings.HasSuffix(path, "/rsa2048"):
		text, err = s.o.Signer.PKCS7([]byte(text))
	case strings.HasSuffix(path, "/signature"):
		text, err = s.o.Signer.Signature([]byte(text))
	}
	return text, err == nil, err
}
