// Package providertest is the conformance suite of provider.Provider: every backend passes it.
package providertest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Backend is a provider with room for at least three machines of Spec and no machine yet.
type Backend struct {
	Provider provider.Provider
	Site     fleet.Site
	Spec     fleet.Spec
	// Impossible is a spec that no repetition makes valid; an empty OS leaves its test out.
	Impossible fleet.Spec
	// TellsNoTime says that an answer does not tell when its instances were launched, as CreateFleet's does not: listings do.
	TellsNoTime bool
}

// Run runs the suite; open returns a fresh backend that ends with its test.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"a launch makes its machines", testLaunch},
		{"a repetition yields the same machines", testRepeat},
		{"concurrent repetitions launch once", testConcurrent},
		{"another request under the same id is refused", testTokenReused},
		{"the counts of an answer add up", testPartial},
		{"an ended machine is listed, not live, and makes room", testTerminate},
		{"a site sees its own machines only", testSites},
		{"a request that cannot be met is invalid", testInvalid},
		{"a machine that is not there has no console log", testConsoleLog},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func (b Backend) request(id string, count int) provider.Request {
	return provider.Request{LaunchID: id, Site: b.Site, Market: fleet.OnDemand, Spec: b.Spec, Count: count}
}

func (b Backend) launch(t *testing.T, r provider.Request) provider.Answer {
	t.Helper()
	a, err := b.Provider.Launch(t.Context(), r)
	if err != nil {
		t.Fatalf("Launch: %v", err)
	}
	sum := len(a.Instances)
	for _, e := range a.Errors {
		if e.Count < 1 || e.Code == "" {
			t.Errorf("an error without a count or a code: %+v", e)
		}
		sum += e.Count
	}
	if sum != r.Count {
		t.Errorf("%d instances and errors, want %d: %+v", sum, r.Count, a)
	}
	return a
}

func (b Backend) free(t *testing.T) int {
	t.Helper()
	n, err := b.Provider.Free(t.Context(), b.Site, b.Spec)
	if err != nil {
		t.Fatalf("Free: %v", err)
	}
	return n
}

func (b Backend) list(t *testing.T, site fleet.Site) map[string]provider.Instance {
	t.Helper()
	all, err := b.Provider.List(t.Context(), site)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	byID := map[string]provider.Instance{}
	for _, i := range all {
		byID[i.ID] = i
	}
	if len(byID) != len(all) {
		t.Errorf("an instance is listed twice: %+v", all)
	}
	return byID
}

func ids(a provider.Answer) []string {
	out := make([]string, 0, len(a.Instances))
	for _, i := range a.Instances {
		out = append(out, i.ID)
	}
	slices.Sort(out)
	return out
}

var idForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func testLaunch(t *testing.T, b Backend) {
	before := b.free(t)
	a := b.launch(t, b.request("launch-1", 2))
	if len(a.Instances) != 2 || len(slices.Compact(ids(a))) != 2 {
		t.Fatalf("want two different instances, got %+v", a)
	}
	listed := b.list(t, b.Site)
	for _, i := range a.Instances {
		l, ok := listed[i.ID]
		if !ok || !l.State.Live() {
			t.Errorf("%s is not listed as live: %+v", i.ID, l)
		}
		if i.LaunchID != "launch-1" || i.Site != b.Site || i.Market != fleet.OnDemand || i.Type == "" || i.Launched.IsZero() != b.TellsNoTime {
			t.Errorf("fields are missing: %+v", i)
		}
		if b.TellsNoTime {
			i.Launched = l.Launched
		}
		if l.LaunchID != i.LaunchID || l.Site != i.Site || l.Launched.IsZero() || !l.Launched.Equal(i.Launched) {
			t.Errorf("the listing differs from the answer: %+v, %+v", l, i)
		}
		if !idForm.MatchString(i.ID) {
			t.Errorf("instance id %q has not the form that runner names need", i.ID)
		}
	}
	if after := b.free(t); before != provider.Unlimited && after != before-2 {
		t.Errorf("%d free before, %d after two launches", before, after)
	}
}

func testRepeat(t *testing.T, b Backend) { // rule 2.2
	r := b.request("launch-1", 2)
	first, again := b.launch(t, r), b.launch(t, r)
	if diff := cmp.Diff(ids(first), ids(again)); diff != "" {
		t.Errorf("a repetition made other machines (-first +again):\n%s", diff)
	}
	if n := len(b.list(t, b.Site)); n != 2 {
		t.Errorf("%d machines exist, want 2", n)
	}
}

func testConcurrent(t *testing.T, b Backend) { // OneFleetPerLaunch
	r := b.request("launch-1", 1)
	const callers = 8
	answers := make([]provider.Answer, callers)
	problems := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { answers[i], problems[i] = b.Provider.Launch(t.Context(), r) })
	}
	all.Wait()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers[1:] {
		if diff := cmp.Diff(ids(answers[0]), ids(a)); diff != "" {
			t.Errorf("two callers got different machines:\n%s", diff)
		}
	}
	if n := len(b.list(t, b.Site)); n != 1 {
		t.Errorf("%d machines exist, want 1", n)
	}
}

func testTokenReused(t *testing.T, b Backend) {
	b.launch(t, b.request("launch-1", 1))
	if a, err := b.Provider.Launch(t.Context(), b.request("launch-1", 2)); !errors.Is(err, provider.ErrTokenReused) {
		t.Errorf("Launch = %+v, %v, want ErrTokenReused", a, err)
	}
	if n := len(b.list(t, b.Site)); n != 1 {
		t.Errorf("%d machines exist, want 1", n)
	}
}

func testPartial(t *testing.T, b Backend) {
	room := b.free(t)
	const most = 90
	if room >= most {
		b.launch(t, b.request("launch-1", most))
		return
	}
	r := b.request("launch-1", room+1)
	a := b.launch(t, r)
	if len(a.Instances) != room || len(a.Errors) == 0 {
		t.Errorf("%d instances and errors %+v, want %d and a reason", len(a.Instances), a.Errors, room)
	}
	if diff := cmp.Diff(a.Errors, b.launch(t, r).Errors); diff != "" {
		t.Errorf("a repetition gives other errors:\n%s", diff)
	}
	if n := b.free(t); n != 0 {
		t.Errorf("%d free, want 0", n)
	}
}

func testTerminate(t *testing.T, b Backend) {
	before := b.free(t)
	a := b.launch(t, b.request("launch-1", 2))
	ended, kept := a.Instances[0].ID, a.Instances[1].ID
	for range 2 { // one that is gone already is no error
		if err := b.Provider.Terminate(t.Context(), b.Site, []string{ended, "l-never-was"}); err != nil {
			t.Fatalf("Terminate: %v", err)
		}
	}
	listed := b.list(t, b.Site)
	if i, ok := listed[ended]; !ok || i.State.Live() || i.Reason == "" {
		t.Errorf("the ended machine is listed as %+v, want it not live and with a reason", i)
	}
	if !listed[kept].State.Live() {
		t.Errorf("the other machine ended too: %+v", listed[kept])
	}
	if after := b.free(t); before != provider.Unlimited && after != before-1 {
		t.Errorf("%d free, want %d", after, before-1)
	}
	if diff := cmp.Diff(ids(a), ids(b.launch(t, b.request("launch-1", 2)))); diff != "" {
		t.Errorf("a repetition after the end made new machines:\n%s", diff)
	}
}

func testSites(t *testing.T, b Backend) { // Isolation
	a := b.launch(t, b.request("launch-1", 1))
	other := fleet.Site{Environment: b.Site.Environment + "-other", Region: b.Site.Region}
	if n := len(b.list(t, other)); n != 0 {
		t.Errorf("%d machines listed in another environment", n)
	}
	if err := b.Provider.Terminate(t.Context(), other, ids(a)); err != nil {
		t.Errorf("Terminate in another environment: %v", err)
	}
	if i := b.list(t, b.Site)[a.Instances[0].ID]; !i.State.Live() {
		t.Errorf("another environment ended the machine: %+v", i)
	}
}

func testInvalid(t *testing.T, b Backend) {
	for name, change := range map[string]func(*provider.Request){
		"no machine":       func(r *provider.Request) { r.Count = 0 },
		"too many":         func(r *provider.Request) { r.Count = 91 },
		"no launch id":     func(r *provider.Request) { r.LaunchID = "" },
		"a long launch id": func(r *provider.Request) { r.LaunchID = fmt.Sprintf("%065d", 1) },
		"an impossible spec": func(r *provider.Request) {
			if r.Count = 0; b.Impossible.OS != "" {
				r.Count, r.Spec = 1, b.Impossible
			}
		},
	} {
		r := b.request("launch-1", 1)
		change(&r)
		if a, err := b.Provider.Launch(context.Background(), r); !errors.Is(err, provider.ErrInvalid) {
			t.Errorf("%s: Launch = %+v, %v, want ErrInvalid", name, a, err)
		}
	}
	if n := len(b.list(t, b.Site)); n != 0 {
		t.Errorf("%d machines exist after refused launches", n)
	}
}

func testConsoleLog(t *testing.T, b Backend) {
	if log, err := b.Provider.ConsoleLog(t.Context(), b.Site, "l-never-was"); err != nil || len(log) != 0 {
		t.Errorf("ConsoleLog = %q, %v, want nothing", log, err)
	}
}
