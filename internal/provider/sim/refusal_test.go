package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

// TestCreateFleetRefuses: each rule names the page of AWS's documentation that it is from.
func TestCreateFleetRefuses(t *testing.T) {
	tests := map[string]struct {
		page   string
		change func(*sim.FleetRequest)
		want   string
	}{
		"no instance":            {"fleet-quotas", func(r *sim.FleetRequest) { r.Count = 0 }, sim.CodeInvalidParameter},
		"more than 10,000":       {"fleet-quotas", func(r *sim.FleetRequest) { r.Count = 10_001 }, sim.CodeInvalidParameter},
		"a token of 65":          {"ec2-api-idempotency", func(r *sim.FleetRequest) { r.Token = strings.Repeat("x", 65) }, sim.CodeInvalidParameter},
		"a token beyond ASCII":   {"ec2-api-idempotency", func(r *sim.FleetRequest) { r.Token = "läuft" }, sim.CodeInvalidParameter},
		"no override":            {"API_CreateFleet", func(r *sim.FleetRequest) { r.Overrides = nil }, sim.CodeMissingParameter},
		"301 overrides":          {"API_FleetLaunchTemplateConfigRequest", func(r *sim.FleetRequest) { r.Overrides = make([]sim.Override, 301) }, sim.CodeInvalidParameter},
		"neither market":         {"API_TargetCapacitySpecificationRequest", func(r *sim.FleetRequest) { r.Market = fleet.AnyMarket }, sim.CodeInvalidParameter},
		"an unknown type":        {"API_FleetLaunchTemplateOverridesRequest", func(r *sim.FleetRequest) { r.Overrides[0].Type = "c99.large" }, sim.CodeInvalidFleet},
		"a zone of nowhere":      {"API_FleetLaunchTemplateOverridesRequest", func(r *sim.FleetRequest) { r.Overrides[0].Zone = "eu-west-1a" }, sim.CodeInvalidParameter},
		"the same pool twice":    {"API_FleetLaunchTemplateOverridesRequest", func(r *sim.FleetRequest) { r.Overrides[1].Zone = zoneA }, sim.CodeInvalidFleet}, // failure mode D5
		"a strategy of spot":     {"ec2-fleet-allocation-strategy", func(r *sim.FleetRequest) { r.Strategy = sim.PriceCapacityOptimized }, sim.CodeInvalidParameter},
		"no such image":          {"API_FleetLaunchTemplateOverridesRequest", func(r *sim.FleetRequest) { r.OS = "plan9" }, sim.CodeInvalidParameter},
		"a shutdown to nothing":  {"API_RequestLaunchTemplateData", func(r *sim.FleetRequest) { r.OnShutdown = "hibernate" }, sim.CodeInvalidParameter},
		"51 tags":                {"Using_Tags", func(r *sim.FleetRequest) { r.Tags = tags(51) }, sim.CodeTagLimit},
		"a reserved tag":         {"Using_Tags", func(r *sim.FleetRequest) { r.Tags = map[string]string{"aws:mine": "1"} }, sim.CodeInvalidParameter},
		"a long tag key":         {"Using_Tags", func(r *sim.FleetRequest) { r.Tags = map[string]string{strings.Repeat("k", 129): "1"} }, sim.CodeInvalidParameter},
		"a long tag value":       {"Using_Tags", func(r *sim.FleetRequest) { r.Tags = map[string]string{"k": strings.Repeat("v", 257)} }, sim.CodeInvalidParameter},
		"an unknown region":      {"", func(r *sim.FleetRequest) { r.Region = "mars-north-1" }, sim.CodeUnknownRegion},
		"a dry run, which would": {"errors-overview", func(r *sim.FleetRequest) { r.DryRun = true }, sim.CodeDryRun},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			r := ask("token", fleet.OnDemand, 1)
			test.change(&r)
			if a, err := w.CreateFleet(t.Context(), r); code(err) != test.want {
				t.Errorf("CreateFleet = %+v, %v, want %s (page %q)", a, err, test.want, test.page)
			}
			if w.Made() != 0 {
				t.Errorf("%d instances exist", w.Made())
			}
			if a := w.create(ask("token", fleet.OnDemand, 1)); len(a.Instances) != 1 {
				t.Errorf("a refused request has used up its token: %+v", a)
			}
		})
	}
}

func tags(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprintf("k%d", i)] = "v"
	}
	return m
}

// TestStatesAllowOrRefuse: pages API_StopInstances, API_StartInstances and API_TerminateInstances.
func TestStatesAllowOrRefuse(t *testing.T) {
	const ok = ""
	tests := []struct {
		state                  provider.State
		stop, start, terminate string
	}{
		{provider.Pending, sim.CodeWrongState, ok, ok},
		{provider.Running, ok, ok, ok},
		{provider.Stopping, ok, sim.CodeWrongState, ok},
		{provider.Stopped, ok, ok, ok},
		{provider.ShuttingDown, sim.CodeWrongState, sim.CodeWrongState, ok}, // failure mode E7
		{provider.Terminated, sim.CodeWrongState, sim.CodeWrongState, ok},
	}
	for _, test := range tests {
		t.Run(string(test.state), func(t *testing.T) {
			for verb, want := range map[string]string{"stop": test.stop, "start": test.start, "terminate": test.terminate} {
				w := newWorld(t, nil)
				id := w.one(fleet.OnDemand)
				w.bring(id, test.state)
				done, err := w.verb(verb, id)
				if code(err) != want || (err == nil) != (want == ok) {
					t.Errorf("%s = %v, want code %q", verb, err, want)
				}
				if err == nil && done[0].Before != test.state {
					t.Errorf("%s says that the instance was %s", verb, done[0].Before)
				}
				if want != ok && w.state(id) != test.state {
					t.Errorf("a refused %s made the instance %s", verb, w.state(id))
				}
			}
		})
	}
}

func (w *world) verb(verb string, ids ...string) ([]sim.Transition, error) {
	switch verb {
	case "stop":
		return w.StopInstances(w.t.Context(), region, ids...)
	case "start":
		return w.StartInstances(w.t.Context(), region, ids...)
	default:
		return w.TerminateInstances(w.t.Context(), region, ids...)
	}
}

func (w *world) do(verb string, ids ...string) {
	w.t.Helper()
	if _, err := w.verb(verb, ids...); err != nil {
		w.t.Fatalf("%s: %v", verb, err)
	}
}

// bring leads a pending instance to a state.
func (w *world) bring(id string, s provider.State) {
	w.t.Helper()
	if s == provider.Pending {
		return
	}
	w.until(id, provider.Running)
	switch s {
	case provider.Stopping, provider.Stopped:
		w.do("stop", id)
	case provider.ShuttingDown, provider.Terminated:
		w.do("terminate", id)
	default:
	}
	w.until(id, s)
}

func TestAOneTimeSpotInstanceCannotBeStopped(t *testing.T) { // failure mode E6
	w := newWorld(t, nil)
	id := w.one(fleet.Spot)
	w.until(id, provider.Running)
	if _, err := w.verb("stop", id); code(err) != sim.CodeUnsupported { // page stop-spot-instances
		t.Errorf("stop = %v, want %s", err, sim.CodeUnsupported)
	}
	if s := w.state(id); s != provider.Running {
		t.Errorf("the instance is %s", s)
	}
}

func TestOneWrongIDSparesAll(t *testing.T) { // page API_TerminateInstances
	w := newWorld(t, func(o *sim.Options) {
		o.Regions = append(o.Regions, sim.Region{Name: "eu-west-1", Capacity: 1, Zones: []sim.Zone{{Name: "eu-west-1a"}}})
	})
	id := w.one(fleet.OnDemand)
	for wrong, want := range map[string]string{
		"i-00000000000000000": sim.CodeNotFound, "l-never-was": sim.CodeMalformed, "i-123": sim.CodeMalformed,
	} {
		if _, err := w.verb("terminate", id, wrong); code(err) != want {
			t.Errorf("terminate %s = %v, want %s", wrong, err, want)
		}
	}
	if _, err := w.TerminateInstances(t.Context(), "eu-west-1", id); code(err) != sim.CodeNotFound {
		t.Errorf("terminate in another region = %v", err)
	}
	if _, err := w.verb("terminate"); code(err) != sim.CodeMissingParameter {
		t.Errorf("terminate of nothing = %v", err)
	}
	if !w.state(id).Live() {
		t.Error("the instance has ended")
	}
}

func TestATerminatedInstanceIsForgottenAfterAboutAnHour(t *testing.T) { // page API_TerminateInstances
	w := newWorld(t, nil)
	id := w.one(fleet.OnDemand)
	w.bring(id, provider.Terminated)
	w.clock.Advance(40 * time.Minute)
	if listed, err := w.DescribeInstances(t.Context(), region, nil); err != nil || len(listed) != 1 || listed[0].Reason != "Client.UserInitiatedShutdown" {
		t.Errorf("after 40 minutes: %+v, %v", listed, err)
	}
	w.clock.Advance(time.Hour)
	if listed, err := w.DescribeInstances(t.Context(), region, nil); err != nil || len(listed) != 0 {
		t.Errorf("after 100 minutes: %+v, %v", listed, err)
	}
	if _, err := w.verb("terminate", id); code(err) != sim.CodeNotFound {
		t.Errorf("terminate = %v, want %s", err, sim.CodeNotFound)
	}
}

func TestStatusOfErrors(t *testing.T) { // page errors-overview
	for code, want := range map[string]int{
		sim.CodeThrottled: http.StatusServiceUnavailable, sim.CodeInternal: http.StatusInternalServerError, sim.CodeNotFound: http.StatusBadRequest,
		sim.CodeDryRun: http.StatusPreconditionFailed,
	} {
		if got := (&sim.APIError{Code: code}).Status(); got != want {
			t.Errorf("%s travels with %d, want %d", code, got, want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	types, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*sim.Options){
		"no clock":         func(o *sim.Options) { o.Clock = nil },
		"no randomness":    func(o *sim.Options) { o.Random = nil },
		"no types":         func(o *sim.Options) { o.Catalog = catalog.Catalog{} },
		"no region":        func(o *sim.Options) { o.Regions = nil },
		"a region twice":   func(o *sim.Options) { o.Regions = append(o.Regions, o.Regions[0]) },
		"a zone twice":     func(o *sim.Options) { o.Regions[0].Zones = append(o.Regions[0].Zones, sim.Zone{Name: zoneA}) },
		"a nameless place": func(o *sim.Options) { o.Regions[0].Name = "" },
	} {
		o := sim.Options{Clock: seamtest.NewClock(), Random: seamtest.NewRandom(1), Catalog: types, Regions: sim.DefaultRegions(1)}
		change(&o)
		if _, err := sim.New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	w := newWorld(t, nil)
	for name, f := range map[string]sim.Faults{
		"a rate over 1":   {LostAnswers: 1.1},
		"a negative rate": {Drought: -0.1},
		"a time before":   {Lag: -1},
		"a code missing":  {Refusals: []sim.Refusal{{Rate: 0.5}}},
		"a refusal over":  {Refusals: []sim.Refusal{{Code: "X", Rate: 2}}},
	} {
		if w.SetFaults(f) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
