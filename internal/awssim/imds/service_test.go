package imds_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/awssim/imds"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is a spot instance a minute after its launch, and the service that it has.
type machine struct {
	t       *testing.T
	id      string
	clock   *seamtest.Clock
	cloud   *sim.Cloud
	signer  *imds.Signer
	service *imds.Service
}

func newMachine(t *testing.T, options *types.LaunchTemplateInstanceMetadataOptionsRequest) *machine {
	t.Helper()
	known, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, clock: seamtest.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	chance := seamtest.NewRandom(1)
	m.cloud, err = sim.New(sim.Options{Clock: m.clock, Random: chance, Catalog: known, Regions: sim.DefaultRegions(5), Timing: sim.DefaultTiming()})
	if err != nil {
		t.Fatal(err)
	}
	server, err := awssim.New(awssim.Options{Cloud: m.cloud, Clock: m.clock})
	if err != nil {
		t.Fatal(err)
	}
	if m.signer, err = imds.NewSigner(); err != nil {
		t.Fatal(err)
	}
	m.id = launch(t, server, options)
	m.service = imds.New(imds.Options{Machines: server, Instance: m.id, Clock: m.clock, Random: chance, Signer: m.signer})
	return m
}

func launch(t *testing.T, server *awssim.Server, options *types.LaunchTemplateInstanceMetadataOptionsRequest) string {
	t.Helper()
	c := ec2.New(ec2.Options{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: server.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""), RetryMaxAttempts: 1,
	})
	images, err := c.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Filters: []types.Filter{
		{Name: aws.String("architecture"), Values: []string{"x86_64"}}, {Name: aws.String("name"), Values: []string{"ubuntu/*"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	template, err := c.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("t-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: images.Images[0].ImageId, InstanceType: "c7i.large", MetadataOptions: options,
			UserData: aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\necho hello\n"))),
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{{
				ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("runs-fleet:fleet"), Value: aws.String("f1")}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.CreateFleet(t.Context(), &ec2.CreateFleetInput{
		Type: types.FleetTypeInstant,
		LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{{LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{
			LaunchTemplateId: template.LaunchTemplate.LaunchTemplateId, Version: aws.String("1"),
		}}},
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: aws.Int32(1), DefaultTargetCapacityType: types.DefaultTargetCapacityTypeSpot,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Instances) == 0 {
		t.Fatalf("nothing was launched: %+v", out.Errors)
	}
	return out.Instances[0].InstanceIds[0]
}

// required are the options of the product's machines, which show their tags.
func required() *types.LaunchTemplateInstanceMetadataOptionsRequest {
	return &types.LaunchTemplateInstanceMetadataOptionsRequest{
		HttpTokens: types.LaunchTemplateHttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(1),
		InstanceMetadataTags: types.LaunchTemplateInstanceMetadataTagsStateEnabled,
	}
}

// ask makes a request; the headers are pairs.
func (m *machine) ask(method, path string, headers ...string) (status int, body string) {
	m.t.Helper()
	r := httptest.NewRequestWithContext(m.t.Context(), method, "http://169.254.169.254"+path, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	m.service.At(1).ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return w.Code, string(b)
}

func (m *machine) token() string {
	m.t.Helper()
	status, token := m.ask(http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if status != http.StatusOK {
		m.t.Fatalf("asking for a token: %d", status)
	}
	return token
}

func (m *machine) get(path string) (status int, body string) {
	m.t.Helper()
	return m.ask(http.MethodGet, path, "X-aws-ec2-metadata-token", m.token())
}

func TestNothingIsReadWithoutATokenThatHolds(t *testing.T) {
	m := newMachine(t, required())
	const path = "/latest/meta-data/instance-id"
	token := m.token()
	if status, body := m.ask(http.MethodGet, path, "X-aws-ec2-metadata-token", token); status != http.StatusOK || body != m.id {
		t.Errorf("with a token: %d %s", status, body)
	}
	got := map[string]int{}
	got["none"], _ = m.ask(http.MethodGet, path)
	got["another's"], _ = m.ask(http.MethodGet, path, "X-aws-ec2-metadata-token", "made up")
	got["no lifetime"], _ = m.ask(http.MethodPut, "/latest/api/token")
	got["too long a lifetime"], _ = m.ask(http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21601")
	got["forwarded"], _ = m.ask(http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60", "X-Forwarded-For", "10.0.0.1")
	got["another method"], _ = m.ask(http.MethodPost, path, "X-aws-ec2-metadata-token", token)
	if err := m.clock.Sleep(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	got["expired"], _ = m.ask(http.MethodGet, path, "X-aws-ec2-metadata-token", token)
	want := map[string]int{
		"none": 401, "another's": 401, "no lifetime": 400, "too long a lifetime": 400, "forwarded": 403, "another method": 405, "expired": 401,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAContainerIsTooFarAwayForAToken(t *testing.T) {
	m := newMachine(t, required())
	s := httptest.NewServer(m.service.At(2))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+"/latest/api/token", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "60")
	time.AfterFunc(50*time.Millisecond, cancel)
	if out, err := s.Client().Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("an answer came: %+v, %v", out, err)
	}
}

func TestOptionsOpenAndCloseTheService(t *testing.T) {
	open := newMachine(t, &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: types.LaunchTemplateHttpTokensStateOptional})
	if status, _ := open.ask(http.MethodGet, "/latest/meta-data/instance-id"); status != http.StatusOK {
		t.Errorf("without required tokens: %d", status)
	}
	if status, _ := open.ask(http.MethodGet, "/latest/meta-data/tags/instance"); status != http.StatusNotFound {
		t.Errorf("tags that are not shown: %d", status)
	}
	closed := newMachine(t, &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpEndpoint: types.LaunchTemplateInstanceMetadataEndpointStateDisabled})
	if status, _ := closed.ask(http.MethodGet, "/latest/meta-data/instance-id"); status != http.StatusForbidden {
		t.Errorf("a disabled endpoint: %d", status)
	}
}

func TestWhatAMachineReadsOfItself(t *testing.T) {
	m := newMachine(t, required())
	got := map[string]string{}
	for _, path := range []string{
		"user-data", "meta-data/placement/region", "meta-data/placement", "meta-data/instance-life-cycle", "meta-data/tags/instance", "meta-data/tags/instance/runs-fleet:fleet",
	} {
		status, body := m.get("/latest/" + path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		got[path] = body
	}
	want := map[string]string{
		"user-data": "#!/bin/sh\necho hello\n", "meta-data/placement/region": "us-east-1", "meta-data/placement": "availability-zone\navailability-zone-id\nregion",
		"meta-data/instance-life-cycle": "spot", "meta-data/tags/instance": "runs-fleet:fleet", "meta-data/tags/instance/runs-fleet:fleet": "f1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if status, _ := m.get("/latest/meta-data/iam/security-credentials/"); status != http.StatusNotFound {
		t.Errorf("credentials without a profile: %d", status)
	}
}

// failure mode I1
func TestANoticeAppearsAndKeepsItsTime(t *testing.T) {
	m := newMachine(t, required())
	for _, path := range []string{"/latest/meta-data/spot/instance-action", "/latest/meta-data/events/recommendations/rebalance"} {
		if status, _ := m.get(path); status != http.StatusNotFound {
			t.Errorf("%s before any notice: %d", path, status)
		}
	}
	if err := errors.Join(m.cloud.Recommend(m.id), m.cloud.Interrupt(m.id)); err != nil {
		t.Fatal(err)
	}
	if err := m.clock.Sleep(t.Context(), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	_, action := m.get("/latest/meta-data/spot/instance-action")
	_, hint := m.get("/latest/meta-data/events/recommendations/rebalance")
	if action != `{"action": "terminate", "time": "2026-03-01T12:02:00Z"}` || hint != `{"noticeTime": "2026-03-01T12:00:00Z"}` {
		t.Errorf("%s, %s", action, hint)
	}
}

func TestTheIdentityDocumentIsSigned(t *testing.T) {
	m := newMachine(t, required())
	_, document := m.get("/latest/dynamic/instance-identity/document")
	_, signature := m.get("/latest/dynamic/instance-identity/rsa2048")
	var d map[string]any
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	if d["instanceId"] != m.id || d["accountId"] != "123456789012" || d["architecture"] != "x86_64" || d["region"] != "us-east-1" {
		t.Errorf("%s", document)
	}
	if strings.Contains(signature, "-----") {
		t.Errorf("the signature has a heading: %s", signature)
	}
	content := verify(t, m.signer.Certificate(), signature)
	if diff := cmp.Diff(document, content); diff != "" {
		t.Errorf("what is signed is another document: %s", diff)
	}
}
