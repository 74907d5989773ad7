package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/bootstrap"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

// simulatedEC2 serves EC2's API at an address that the SDK takes from the environment, as it would a real one.
func simulatedEC2(t *testing.T) (*sim.Cloud, *awsec2.Client, chan awssim.Observed) {
	t.Helper()
	types, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := sim.New(sim.Options{Clock: seam.System{}, Random: seam.Crypto{}, Catalog: types, Regions: sim.DefaultRegions(100), Timing: sim.DefaultTiming()})
	if err != nil {
		t.Fatal(err)
	}
	fleets := make(chan awssim.Observed, 100)
	api, err := awssim.New(awssim.Options{Cloud: cloud, Clock: seam.System{}, Observe: func(o awssim.Observed) {
		if o.Action == "CreateFleet" {
			fleets <- o
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_EC2": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none",
	} {
		t.Setenv(name, value)
	}
	cfg, err := awsConfig(t.Context(), settings.Backend{})
	if err != nil {
		t.Fatal(err)
	}
	return cloud, awsec2.NewFromConfig(cfg), fleets
}

// staticProgram is what an agent is for this test: a static program for this architecture.
func staticProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "main.go"), filepath.Join(dir, agentName)
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "go", "build", "-o", out, source)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

func ec2Settings(t *testing.T, api *awsec2.Client) settings.Settings {
	t.Helper()
	found, err := api.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{})
	if err != nil {
		t.Fatal(err)
	}
	s := quietSettings(t, quietGitHub(t).URL)
	s.Provider, s.ControlPlane, s.Agent = settings.ProviderEC2, "http://fleet.example", staticProgram(t)
	for _, subnet := range found.Subnets {
		s.EC2.Subnets = append(s.EC2.Subnets, *subnet.SubnetId)
	}
	if s, err = s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// queueJob tells a server that a job has been queued.
func queueJob(t *testing.T, url string, id int, label string) {
	t.Helper()
	body := fmt.Sprintf(`{"action":"queued","workflow_job":{"id":%d,"run_id":9,"run_attempt":1,"status":"queued","name":"build","labels":[%q],`+
		`"created_at":%q},"repository":{"id":7,"name":"app","full_name":"acme/app","private":true,"owner":{"login":"acme","id":5}}}`,
		id, label, time.Now().UTC().Format(time.RFC3339))
	mac := hmac.New(sha256.New, []byte("s"))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "workflow_job", "X-GitHub-Delivery": fmt.Sprint("g-", id),
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("the webhook was answered %d %s", answer.StatusCode, text)
	}
}

// launchedInstances waits for a number of calls, and returns what there is then.
func launchedInstances(t *testing.T, api *awsec2.Client, fleets chan awssim.Observed, calls int) []types.Instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range calls {
		select {
		case <-fleets:
		case <-ctx.Done():
			t.Fatal("no launch within a minute")
		}
	}
	found, err := api.DescribeInstances(ctx, &awsec2.DescribeInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var all []types.Instance
	for _, r := range found.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

func TestAServerLaunchesOnEC2SpotFirstAndOnDemandAtOnce(t *testing.T) { // failure modes A10, D8; rule 2.6
	cloud, api, fleets := simulatedEC2(t)
	s := ec2Settings(t, api)
	r := begin(t, s)
	f, err := client.ReadServerFile(s.Data)
	if err != nil {
		t.Fatal(err)
	}
	queueJob(t, f.URL, 1, "runs-fleet=9/cpu=4/id=one")
	all := launchedInstances(t, api, fleets, 1)
	if len(all) != 1 || all[0].InstanceLifecycle != types.InstanceLifecycleTypeSpot || !tagged(all[0], "runs-fleet:environment", "default") {
		t.Fatalf("launched %+v, want one spot instance of the environment", all)
	}
	cloud.SetCapacity(sim.Pool{Market: fleet.Spot}, 0)
	queueJob(t, f.URL, 2, "runs-fleet=9/cpu=8/id=two")
	all = launchedInstances(t, api, fleets, 2) // one that finds no capacity, and the next
	if !slices.ContainsFunc(all, func(i types.Instance) bool { return i.InstanceLifecycle == "" }) {
		t.Errorf("without spot capacity there are %+v, want one on demand", all)
	}
	checkUserData(t, api, f.URL, s)
	tell(t, syscall.SIGTERM)
	r.end(t)
}

func TestExaminingEC2TriesALaunchAndMakesNothing(t *testing.T) {
	cloud, api, _ := simulatedEC2(t)
	s := ec2Settings(t, api)
	for _, f := range examine(t.Context(), s) {
		if f.Level == doctor.Problem {
			t.Errorf("%+v", f)
		}
	}
	templates, err := api.DescribeLaunchTemplates(t.Context(), &awsec2.DescribeLaunchTemplatesInput{})
	if err != nil || len(templates.LaunchTemplates) > 0 {
		t.Errorf("an examination left %+v: %v", templates.LaunchTemplates, err)
	}
	if err := cloud.SetFaults(sim.Faults{Refusals: []sim.Refusal{{Action: "CreateLaunchTemplate", Code: "UnauthorizedOperation", Rate: 1}}}); err != nil {
		t.Fatal(err)
	}
	found := examine(t.Context(), s)
	if !slices.ContainsFunc(found, func(f doctor.Finding) bool {
		return f.Check == "EC2" && f.Level == doctor.Problem && strings.Contains(f.Remedy, "aws-permissions.md")
	}) {
		t.Errorf("a right that is missing is not found: %+v", found)
	}
	s.EC2.Subnets = []string{"subnet-0123456789abcdef0"}
	if found := examine(t.Context(), s); doctor.Sound(found) {
		t.Errorf("a subnet that is not there is not found: %+v", found)
	}
}

func tagged(i types.Instance, key, value string) bool {
	return slices.ContainsFunc(i.Tags, func(t types.Tag) bool { return *t.Key == key && *t.Value == value })
}

// checkUserData: what a machine is told leads it to the agent, and holds no secret.
func checkUserData(t *testing.T, api *awsec2.Client, url string, s settings.Settings) {
	t.Helper()
	versions, err := api.DescribeLaunchTemplateVersions(t.Context(), &awsec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest"}})
	if err != nil || len(versions.LaunchTemplateVersions) != 1 {
		t.Fatalf("templates %+v: %v", versions, err)
	}
	script := decoded(t, aws.ToString(versions.LaunchTemplateVersions[0].LaunchTemplateData.UserData))
	program, err := bootstrap.Open(s.Agent)
	if err != nil || program.Arch != fleet.Arch(runtime.GOARCH) {
		t.Fatalf("%+v, %v", program, err)
	}
	for _, line := range []string{"control_plane='http://fleet.example'", "agent_" + runtime.GOARCH + "='" + program.SHA256 + "'"} {
		if !strings.Contains(script, line+"\n") {
			t.Errorf("user data does not say %s:\n%s", line, script)
		}
	}
	if got := status(t, url+bootstrap.Path+program.SHA256); got != http.StatusOK {
		t.Errorf("the agent cannot be fetched: %d", got)
	}
}

func decoded(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
