package power_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/awssim/imds"
	"github.com/runs-fleet/runs-fleet/internal/awssim/power"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// asMachine makes the test's program what runs on a machine: it writes the id that its metadata service tells into a file of
// that name, and then ends, or stays.
const asMachine = "AWSSIM_TEST_MACHINE"

func TestMain(m *testing.M) {
	if folder := os.Getenv(asMachine); folder != "" {
		os.Exit(live(folder, os.Getenv(power.EnvMetadata), os.Args[len(os.Args)-1] == "stay"))
	}
	goleak.VerifyTestMain(m)
}

func live(folder, metadata string, stay bool) int {
	id, err := ask(metadata)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, id), nil, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if stay {
		select {}
	}
	return 0
}

func ask(metadata string) (string, error) {
	request := func(method, path, header, value string) (string, error) {
		r, err := http.NewRequestWithContext(context.Background(), method, metadata+path, http.NoBody)
		if err != nil {
			return "", err
		}
		r.Header.Set(header, value)
		out, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = out.Body.Close() }()
		b, err := io.ReadAll(out.Body)
		return string(b), err
	}
	token, err := request(http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil {
		return "", err
	}
	return request(http.MethodGet, "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token)
}

// world is a cloud whose machines boot at once, and run this program.
type world struct {
	t      *testing.T
	api    *ec2.Client
	cloud  *sim.Cloud
	host   *power.Host
	folder string
}

func newWorld(t *testing.T, stay bool, most int) *world {
	t.Helper()
	known, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, folder: t.TempDir()}
	if w.cloud, err = sim.New(sim.Options{Clock: seam.System{}, Random: seam.Crypto{}, Catalog: known, Regions: sim.DefaultRegions(20)}); err != nil {
		t.Fatal(err)
	}
	server, err := awssim.New(awssim.Options{Cloud: w.cloud, Clock: seam.System{}})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := imds.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	w.api = ec2.New(ec2.Options{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: server.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""), RetryMaxAttempts: 1,
	})
	args := []string{"end"}
	if stay {
		args[0] = "stay"
	}
	w.host = power.New(power.Options{
		Cloud: w.cloud, Server: server, Clock: seam.System{}, Random: seam.Crypto{}, Signer: signer, Most: most, Log: slog.New(slog.DiscardHandler),
		Booter: power.Process{Program: os.Args[0], Args: args, Env: []string{asMachine + "=" + w.folder}},
	})
	t.Cleanup(w.host.Stop)
	return w
}

func (w *world) launch(count int32) []string {
	w.t.Helper()
	ctx := w.t.Context()
	images, err := w.api.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	if err != nil {
		w.t.Fatal(err)
	}
	template, err := w.api.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("t-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: images.Images[0].ImageId, InstanceType: "c7i.large", InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.api.CreateFleet(ctx, &ec2.CreateFleetInput{
		Type: types.FleetTypeInstant,
		LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{{LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{
			LaunchTemplateId: template.LaunchTemplate.LaunchTemplateId, Version: aws.String("1"),
		}}},
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: &count, DefaultTargetCapacityType: types.DefaultTargetCapacityTypeOnDemand,
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, i := range out.Instances {
		all = append(all, i.InstanceIds...)
	}
	if len(all) != int(count) {
		w.t.Fatalf("%d instances: %+v", len(all), out.Errors)
	}
	return all
}

// until steps until something is so.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for !is() {
		w.host.Step(ctx)
		if err := (seam.System{}).Sleep(ctx, 10*time.Millisecond); err != nil {
			w.t.Fatalf("waiting until %s: %v", what, err)
		}
	}
}

// told is how many machines have written their ids.
func (w *world) told() int {
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "i-") {
			n++
		}
	}
	return n
}

func (w *world) state(id string) provider.State {
	i, _ := w.cloud.Instance(id, time.Now())
	return i.State
}

func TestWhatEndsByItselfShutsItsMachineDown(t *testing.T) {
	w := newWorld(t, false, 0)
	id := w.launch(1)[0]
	w.until("the machine has ended", func() bool { return w.state(id) == provider.Terminated })
	if w.told() != 1 || w.host.Running() != 0 {
		t.Errorf("%d machines told their id, %d run", w.told(), w.host.Running())
	}
}

func TestWhatRunsOnAMachineEndsWithItsPower(t *testing.T) {
	w := newWorld(t, true, 0)
	all := w.launch(3)
	w.until("all run", func() bool { return w.told() == 3 })
	if _, err := w.api.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: all[:1]}); err != nil {
		t.Fatal(err)
	}
	w.until("one has ended", func() bool { return w.host.Running() == 2 })
	if s := w.state(all[1]); s != provider.Running {
		t.Errorf("another machine is %s", s)
	}
	w.host.Stop()
	if n := w.host.Running(); n != 0 {
		t.Errorf("%d still run", n)
	}
}

func TestNoMoreMachinesRunThanTheHostBears(t *testing.T) {
	w := newWorld(t, true, 2)
	w.launch(3)
	w.until("two run", func() bool { return w.told() == 2 })
	w.host.Step(t.Context())
	if n := w.host.Running(); n != 2 {
		t.Errorf("%d run", n)
	}
}
