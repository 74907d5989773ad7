package ec2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// wire is what the SDK sends for a call.
type wire struct{ body []byte }

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	var err error
	if w.body, err = io.ReadAll(r.Body); err != nil {
		return nil, err
	}
	return nil, errors.New("nothing is at the other end")
}

func sent(t fataler, in *ec2.CreateFleetInput) []byte {
	t.Helper()
	w := &wire{}
	c := ec2.New(ec2.Options{
		Region: "us-east-1", HTTPClient: w, Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	if _, err := c.CreateFleet(context.Background(), in); err == nil || len(w.body) == 0 {
		t.Fatal("nothing was sent: ", err)
	}
	return w.body
}

func TestARepeatSendsIdenticalBytes(t *testing.T) { // rule 2.2
	rapid.Check(t, func(t *rapid.T) {
		r := testRequest(func(r *provider.Request) {
			r.Count = rapid.IntRange(1, 90).Draw(t, "count")
			r.Market = rapid.SampledFrom([]fleet.Market{fleet.Spot, fleet.OnDemand}).Draw(t, "market")
		})
		own := rapid.MapOfN(rapid.StringMatching(`[a-z]{3,8}`), rapid.StringMatching(`[ -~]{0,9}`), 0, 9).Draw(t, "tags")
		f, err := plan(r, Site{Site: testSite, Tags: own, Profile: "ci"}, "f1", drawInventory(t))
		if err != nil {
			t.Fatal(err)
		}
		if r.Frozen, err = f.encode(); err != nil {
			t.Fatal(err)
		}
		row, err := json.Marshal(r) // what the launch's row keeps
		if err != nil {
			t.Fatal(err)
		}
		var kept provider.Request
		if err := json.Unmarshal(row, &kept); err != nil {
			t.Fatal(err)
		}
		thawed, err := thaw(kept.Frozen)
		if err != nil {
			t.Fatal(err)
		}
		first, again := sent(t, f.input(r)), sent(t, thawed.input(kept))
		if !bytes.Equal(first, again) {
			t.Fatalf("two calls of one launch differ:\n%s\n%s", first, again)
		}
	})
}

func TestTheCallSaysWhatItShould(t *testing.T) { // failure modes D1, D2, D3, D13
	r := testRequest()
	site := Site{Site: testSite, Profile: "arn:aws:iam::123456789012:instance-profile/ci", Tags: map[string]string{"cost-center": "7"}}
	f, err := plan(r, site, "f1", testInventory(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(sent(t, f.input(r))))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Action": "CreateFleet", "ClientToken": "l-0001", "Type": "instant",
		"SpotOptions.AllocationStrategy":                                          "price-capacity-optimized",
		"TargetCapacitySpecification.DefaultTargetCapacityType":                   "spot",
		"TargetCapacitySpecification.TotalTargetCapacity":                         "3",
		"LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version":             "1",
		"LaunchTemplateConfigs.1.Overrides.1.ImageId":                             "ami-00000000000000001",
		"LaunchTemplateConfigs.1.Overrides.1.SubnetId":                            "subnet-00000000000000000",
		"LaunchTemplateConfigs.1.Overrides.1.BlockDeviceMapping.1.Ebs.Encrypted":  "true",
		"LaunchTemplateConfigs.1.Overrides.1.BlockDeviceMapping.1.Ebs.VolumeType": "gp3",
		"LaunchTemplateConfigs.1.Overrides.1.BlockDeviceMapping.1.Ebs.VolumeSize": "40",
		"LaunchTemplateConfigs.1.Overrides.1.IamInstanceProfile.Arn":              site.Profile,
		"TagSpecification.1.ResourceType":                                         "fleet",
		"TagSpecification.2.ResourceType":                                         "instance",
		"TagSpecification.3.ResourceType":                                         "volume",
		"TagSpecification.4.ResourceType":                                         "network-interface",
	}
	for key, value := range want {
		if got := form.Get(key); got != value {
			t.Errorf("%s is %q, want %q", key, got, value)
		}
	}
	for _, n := range []string{"1", "2", "3", "4"} {
		tags := map[string]string{}
		for i := range 9 {
			key := "TagSpecification." + n + ".Tag." + string(rune('1'+i))
			tags[form.Get(key+".Key")] = form.Get(key + ".Value")
		}
		if tags["runs-fleet:fleet"] != "f1" || tags["runs-fleet:launch"] != "l-0001" || tags["runs-fleet:environment"] != "default" || tags["cost-center"] != "7" {
			t.Errorf("resource %s has the tags %v", n, tags)
		}
	}
	for key := range form {
		if strings.Contains(key, "NetworkInterface") || strings.Contains(key, "UserData") {
			t.Errorf("the call says %s, which no override may", key)
		}
	}
	r.Market = fleet.OnDemand
	form, err = url.ParseQuery(string(sent(t, f.input(r))))
	if err != nil || form.Get("OnDemandOptions.AllocationStrategy") != "lowest-price" || form.Has("SpotOptions.AllocationStrategy") {
		t.Errorf("on demand the strategy is %q: %v", form.Get("OnDemandOptions.AllocationStrategy"), err)
	}
}

func TestAnotherVersionsLaunchIsNotRepeated(t *testing.T) {
	for _, b := range []string{`{"format":2}`, `{"format":1,"unknown":3}`, `[]`, `{`} {
		if f, err := thaw(json.RawMessage(b)); !errors.Is(err, provider.ErrInvalid) {
			t.Errorf("thaw(%s) = %+v, %v, want an invalid request", b, f, err)
		}
	}
}

func TestTemplatesAreNamedByTheirContent(t *testing.T) { // failure mode G9
	base := Site{Site: testSite, SecurityGroups: []string{"sg-1"}, UserData: []byte("#!/bin/sh\n")}
	other := base
	other.UserData = []byte("#!/bin/bash\n")
	grouped := base
	grouped.SecurityGroups = []string{"sg-2"}
	names := []string{
		templateFor(base, "f1", terminateOnShutdown).name, templateFor(base, "f1", stopOnShutdown).name,
		templateFor(other, "f1", terminateOnShutdown).name, templateFor(grouped, "f1", terminateOnShutdown).name,
		templateFor(base, "f2", terminateOnShutdown).name,
	}
	if again := templateFor(base, "f1", terminateOnShutdown).name; again != names[0] {
		t.Errorf("one content has the names %s and %s", names[0], again)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != 5 {
		t.Errorf("two contents have one name: %v", names)
	}
	tagged := base
	tagged.Tags, tagged.Profile = map[string]string{"a": "b"}, "ci"
	if templateFor(tagged, "f1", terminateOnShutdown).name != templateFor(base, "f1", terminateOnShutdown).name {
		t.Error("what overrides say makes a template of its own")
	}
	data := templateFor(base, "f1", terminateOnShutdown).data
	if data.MetadataOptions.HttpTokens != "required" || *data.MetadataOptions.HttpPutResponseHopLimit != 1 || len(data.NetworkInterfaces) > 0 ||
		data.InstanceInitiatedShutdownBehavior != "terminate" {
		t.Errorf("the template says %+v", data)
	}
}
