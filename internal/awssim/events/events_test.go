package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/awssim/events"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

var emulators awstest.Set

func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }

const (
	account = "123456789012"
	region  = "us-east-1"
)

// Examples of the pages "monitoring-instance-state-changes", "spot-instance-termination-notices" and
// "rebalance-recommendations", with other ids.
func TestEventsHaveTheFormOfEventBridges(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		event     sim.Event
		resource  string
		detail    map[string]any
		wantsType string
	}{
		{
			sim.Event{Kind: sim.StateChanged, At: at, Region: region, Instance: "i-1", State: provider.Running},
			"arn:aws:ec2:us-east-1:123456789012:instance/i-1",
			map[string]any{"instance-id": "i-1", "state": "running"},
			"EC2 Instance State-change Notification",
		},
		{
			sim.Event{Kind: sim.InterruptionNoticed, At: at, Region: region, Instance: "i-1"},
			"arn:aws:ec2:us-east-1b:instance/i-1",
			map[string]any{"instance-id": "i-1", "instance-action": "terminate"},
			"EC2 Spot Instance Interruption Warning",
		},
		{
			sim.Event{Kind: sim.RebalanceRecommended, At: at, Region: region, Instance: "i-1"},
			"arn:aws:ec2:us-east-1b:instance/i-1",
			map[string]any{"instance-id": "i-1"},
			"EC2 Instance Rebalance Recommendation",
		},
	} {
		t.Run(c.wantsType, func(t *testing.T) {
			b, err := events.Encode(c.event, account, "us-east-1b")
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if id, _ := got["id"].(string); len(id) != 36 {
				t.Errorf("the id is %q", id)
			}
			delete(got, "id")
			want := map[string]any{
				"version": "0", "detail-type": c.wantsType, "source": "aws.ec2", "account": account, "time": "2026-03-01T12:00:00Z",
				"region": region, "resources": []any{c.resource}, "detail": c.detail,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// newCloud has one spot instance.
func newCloud(t *testing.T, faults sim.Faults) (cloud *sim.Cloud, id string) {
	t.Helper()
	known, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	cloud, err = sim.New(sim.Options{
		Clock: seam.System{}, Random: seam.Crypto{}, Catalog: known, Regions: sim.DefaultRegions(5), Timing: sim.DefaultTiming(), KeepEvents: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := cloud.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	made, err := cloud.CreateFleet(t.Context(), sim.FleetRequest{
		Region: region, Market: fleet.Spot, Count: 1, OS: fleet.Linux, Arch: fleet.AMD64, Overrides: []sim.Override{{Type: "c7i.large", Zone: "us-east-1a"}},
	})
	if err != nil || len(made.Instances) != 1 {
		t.Fatalf("%+v, %v", made, err)
	}
	return cloud, made.Instances[0].ID
}

func TestASinkThatFailsGetsItsEventsAgainAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, id := newCloud(t, sim.Faults{})
		var down atomic.Bool
		down.Store(true)
		var got []string
		pump := events.New(cloud, seam.System{}, account, func(_ context.Context, _ string, b []byte) error {
			if down.Load() {
				return errors.New("the queue is away")
			}
			var e struct {
				Detail struct{ State string } `json:"detail"`
				Kind   string                 `json:"detail-type"`
			}
			if err := json.Unmarshal(b, &e); err != nil {
				return err
			}
			got = append(got, e.Kind+" "+e.Detail.State)
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		failures := 0
		go pump.Run(ctx, time.Second, func(error) { failures++ })
		if err := (seam.System{}).Sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := cloud.Interrupt(id); err != nil {
			t.Fatal(err)
		}
		down.Store(false)
		if err := (seam.System{}).Sleep(t.Context(), 2*time.Second); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		want := []string{
			"EC2 Instance State-change Notification pending", "EC2 Instance State-change Notification running", "EC2 Spot Instance Interruption Warning ",
		}
		if diff := cmp.Diff(want, got); diff != "" || failures == 0 {
			t.Errorf("%d failures: %s", failures, diff)
		}
	})
}

// A rule of EventBridge puts the event into the queue as it is.
func TestEventsReachAQueue(t *testing.T) {
	queues := sqs.NewFromConfig(awstest.Config(t, emulators.MiniStack(t)))
	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(awstest.Name(t))})
	if err != nil {
		t.Fatal(err)
	}
	cloud, id := newCloud(t, sim.Faults{RepeatedEvents: 1})
	if err := cloud.Interrupt(id); err != nil {
		t.Fatal(err)
	}
	pump := events.New(cloud, seam.System{}, account, func(ctx context.Context, _ string, b []byte) error {
		_, err := queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: aws.String(string(b))})
		return err
	})
	n, err := pump.Deliver(t.Context())
	if err != nil || n < 2 {
		t.Fatalf("%d events were delivered, %v", n, err)
	}
	kinds := map[string]int{}
	for len(kinds) < 2 {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5})
		if err != nil || len(out.Messages) == 0 {
			t.Fatalf("only %v arrived, %v", kinds, err)
		}
		for _, m := range out.Messages {
			var e struct {
				Kind string `json:"detail-type"`
			}
			if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &e); err != nil {
				t.Fatal(err)
			}
			kinds[e.Kind]++
		}
	}
	if kinds[string(sim.InterruptionNoticed)] == 0 || kinds[string(sim.StateChanged)] == 0 {
		t.Errorf("%v", kinds)
	}
}
