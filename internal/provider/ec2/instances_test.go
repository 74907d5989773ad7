package ec2_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

func TestListingsReadEveryPageAndEveryState(t *testing.T) { // failure modes C11, C12, J1, J2
	w := newWorld(t, 10_000)
	p := w.provider()
	for i := range 13 { // a page has a thousand
		w.launch(p, request(fmt.Sprintf("l-%d", i), 90))
	}
	all := w.list(p)
	if len(all) != 13*90 {
		t.Fatalf("%d instances are listed, want %d", len(all), 13*90)
	}
	var first []string
	for id := range all {
		first = append(first, id)
	}
	slices.Sort(first)
	if err := p.Terminate(t.Context(), site, first[:250]); err != nil { // more than one batch
		t.Fatal(err)
	}
	ended := 0
	for _, i := range w.list(p) {
		if !i.State.Live() {
			ended++
		}
	}
	if ended != 250 {
		t.Errorf("%d instances are listed as ended, want 250", ended)
	}
}

func TestNothingOfOthersIsListedOrEnded(t *testing.T) { // RightFleet
	w := newWorld(t, 100)
	ours, theirs := w.provider(), w.provider(func(o *ec2.Options) { o.Fleet = "f2" })
	a := w.launch(theirs, request("l-1", 3))
	if n := len(w.list(ours)); n != 0 {
		t.Errorf("%d instances of another fleet are listed", n)
	}
	if err := ours.Terminate(t.Context(), site, ids(a)); err != nil {
		t.Errorf("Terminate = %v", err)
	}
	if n := w.count("TerminateInstances"); n != 0 {
		t.Errorf("%d calls to end what is another fleet's", n)
	}
	if log, err := ours.ConsoleLog(t.Context(), site, a.Instances[0].ID); err != nil || len(log) > 0 || w.count("GetConsoleOutput") != 0 {
		t.Errorf("ConsoleLog = %q, %v, want nothing and no call", log, err)
	}
	for _, i := range w.list(theirs) {
		if !i.State.Live() {
			t.Errorf("%s was ended", i.ID)
		}
	}
}

func TestEndingCostsOneCallWhenAListingHasShownTheInstance(t *testing.T) {
	w := newWorld(t, 100)
	p := w.provider()
	a := w.launch(p, request("l-1", 2))
	w.list(p)
	before := w.count("DescribeInstances")
	if err := p.Terminate(t.Context(), site, ids(a)[:1]); err != nil {
		t.Fatal(err)
	}
	if n := w.count("DescribeInstances") - before; n != 0 {
		t.Errorf("%d listings before the end of an instance that one has shown", n)
	}
	if err := p.Terminate(t.Context(), site, ids(a)[:1]); err != nil { // again: it is asked for, and is ended already
		t.Fatal(err)
	}
	if n := w.count("TerminateInstances"); n != 1 {
		t.Errorf("%d calls to end one instance", n)
	}
}

func TestOneInstanceThatCannotBeEndedKeepsNoOther(t *testing.T) { // failure mode E7
	w := newWorld(t, 100)
	p := w.provider()
	a := w.launch(p, request("l-1", 9))
	w.list(p)
	protected := ids(a)[4]
	w.through = func(next http.RoundTripper) http.RoundTripper { return &protects{next: next, id: protected} }
	p = w.provider()
	w.list(p)
	err := p.Terminate(t.Context(), site, ids(a))
	if err == nil || !strings.Contains(err.Error(), protected) || api.KindOf(err) != api.Invalid {
		t.Errorf("Terminate = %v, want a word about %s", err, protected)
	}
	for id, i := range w.list(p) {
		if i.State.Live() != (id == protected) {
			t.Errorf("%s is %s", id, i.State)
		}
	}
}

// protects refuses to end one instance, and every batch that has it.
type protects struct {
	next http.RoundTripper
	id   string
}

func (b *protects) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	text := new(strings.Builder)
	if _, err := fmt.Fprint(text, readAll(body)); err != nil {
		return nil, err
	}
	if strings.Contains(text.String(), "Action=TerminateInstances") && strings.Contains(text.String(), b.id) {
		return refusal(400, "OperationNotPermitted"), nil
	}
	return b.next.RoundTrip(r)
}

func TestAnInstanceThatIsTooNewToBeListedIsNotForgotten(t *testing.T) { // failure mode D3; page "eventual-consistency"
	w := newWorld(t, 100)
	if err := w.cloud.SetFaults(sim.Faults{Hidden: 1, HiddenFor: time.Minute}); err != nil {
		t.Fatal(err)
	}
	p := w.provider()
	a := w.launch(p, request("l-1", 1))
	err := p.Terminate(t.Context(), site, ids(a))
	if err == nil || !strings.Contains(err.Error(), "not listed yet") {
		t.Fatalf("Terminate = %v, want to be called again", err)
	}
	w.clock.Sleep(t.Context(), time.Minute)
	if err := p.Terminate(t.Context(), site, ids(a)); err != nil {
		t.Fatal(err)
	}
	if i := w.list(p)[ids(a)[0]]; i.State.Live() {
		t.Errorf("the instance is %s", i.State)
	}
}

func TestWhyAnInstanceEndedIsTold(t *testing.T) { // rule 6.5
	w := newWorld(t, 100)
	p := w.provider()
	a := w.launch(p, request("l-1", 3, func(r *provider.Request) { r.Spec.InstanceType = "c7i.large" }))
	w.clock.Sleep(t.Context(), time.Minute)
	w.cloud.SetCapacity(sim.Pool{Market: fleet.Spot}, 0)
	w.clock.Sleep(t.Context(), 10*time.Minute)
	for _, i := range w.list(p) {
		if i.State.Live() || !strings.Contains(i.Reason, "Server.SpotInstanceTermination") || i.LaunchID != "l-1" || i.Market != fleet.Spot {
			t.Errorf("a reclaimed instance is listed as %+v", i)
		}
	}
	if log, err := p.ConsoleLog(t.Context(), site, ids(a)[0]); err != nil || len(log) == 0 {
		t.Errorf("the console of an instance that has ended is %q: %v", log, err)
	}
}

func TestAStoppedMachineStartsAgain(t *testing.T) { // rule 7.2
	w := newWorld(t, 100)
	p := w.provider()
	a := w.launch(p, request("l-1", 1, func(r *provider.Request) { r.Market, r.Pool = fleet.OnDemand, "warm" }))
	launched := w.list(p)[ids(a)[0]].Launched
	w.clock.Sleep(t.Context(), time.Minute)
	if _, err := w.sdk().StopInstances(t.Context(), &awsec2.StopInstancesInput{InstanceIds: ids(a)}); err != nil {
		t.Fatal(err)
	}
	w.clock.Sleep(t.Context(), 10*time.Minute)
	if i := w.list(p)[ids(a)[0]]; i.State != provider.Stopped || !i.State.Live() {
		t.Fatalf("the instance is %+v", i)
	}
	if err := p.Start(t.Context(), site, ids(a)); err != nil {
		t.Fatal(err)
	}
	w.clock.Sleep(t.Context(), time.Minute)
	if i := w.list(p)[ids(a)[0]]; i.State != provider.Running || !i.Launched.Equal(launched) {
		t.Errorf("after its start the instance is %+v, launched %s", i, launched)
	}
}

func TestAListingThatFailsIsNoListing(t *testing.T) { // failure mode J4
	w := newWorld(t, 100)
	p := w.provider()
	w.launch(p, request("l-1", 1))
	if err := w.cloud.SetFaults(sim.Faults{Refusals: []sim.Refusal{{Action: "DescribeInstances", Code: "RequestLimitExceeded", Rate: 1}}}); err != nil {
		t.Fatal(err)
	}
	if all, err := p.List(t.Context(), site); err == nil || api.KindOf(err) != api.Throttled || all != nil {
		t.Errorf("List = %+v, %v", all, err)
	}
	if err := p.Terminate(t.Context(), site, []string{"i-0123456789abcdef0"}); err == nil {
		t.Error("an instance that could not be looked for has ended")
	}
	if _, err := p.List(t.Context(), fleet.Site{Environment: "default", Region: "mars-1"}); err == nil || errors.Is(err, provider.ErrInvalid) {
		t.Errorf("a region that is not configured is listed: %v", err)
	}
}
