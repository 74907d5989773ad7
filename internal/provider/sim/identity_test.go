package sim_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

// booted launches one machine and waits for its agent.
func booted(t *testing.T, w *world, p *sim.Provider, market fleet.Market) provider.Instance {
	t.Helper()
	a, err := p.Launch(t.Context(), provider.Request{LaunchID: "launch-1", Site: site(), Market: market, Count: 1, Spec: spec(market)})
	if err != nil || len(a.Instances) != 1 {
		t.Fatalf("Launch = %+v, %v", a, err)
	}
	now := w.clock.Advance(5 * time.Minute)
	if up := w.Booted(now); len(up) != 1 || up[0].ID != a.Instances[0].ID {
		t.Fatalf("booted: %+v", up)
	}
	return a.Instances[0]
}

func TestAHelloIsProvedByTheIdentityDocument(t *testing.T) { // rule 3.1
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	i := booted(t, w, p, fleet.OnDemand)
	document, signature, err := w.Identity(i.ID, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // an answer may be lost, so it may say hello again
		got, err := p.Verify(t.Context(), agentapi.Hello{Document: document, Signature: signature})
		if diff := cmp.Diff(sim.Identity{Site: site(), Instance: i.ID, Launch: "launch-1"}, got); diff != "" || err != nil {
			t.Errorf("Verify: %v (-want +got):\n%s", err, diff)
		}
	}
	if raw, err := base64.StdEncoding.DecodeString(signature); err != nil || !ed25519.Verify(w.PublicKey(), []byte(document), raw) {
		t.Errorf("the signature is not the public key's: %v", err)
	}

	_, foreign, _ := ed25519.GenerateKey(nil)
	forged := base64.StdEncoding.EncodeToString(ed25519.Sign(foreign, []byte(document)))
	for name, h := range map[string]agentapi.Hello{
		"nothing":             {},
		"a token":             {Token: "x"},
		"no signature":        {Document: document},
		"another's signature": {Document: document, Signature: forged},
		"another document":    {Document: strings.Replace(document, i.ID, "i-00000000000000000", 1), Signature: signature},
		"not a signature":     {Document: document, Signature: "?"},
	} {
		if got, err := p.Verify(t.Context(), h); !errors.Is(err, agentapi.ErrRefused) {
			t.Errorf("%s: Verify = %+v, %v, want a refusal", name, got, err)
		}
	}
	hello := agentapi.Hello{Document: document, Signature: signature}
	if _, err := w.Provider(sim.ProviderOptions{Fleet: "f2"}).Verify(t.Context(), hello); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("another fleet: %v, want a refusal", err)
	}
	other := newWorld(t, func(o *sim.Options) { o.Random = seamtest.NewRandom(9) })
	if _, err := other.Provider(sim.ProviderOptions{Fleet: "f1"}).Verify(t.Context(), hello); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("another cloud: %v, want a refusal", err)
	}
	if err := p.Terminate(t.Context(), site(), []string{i.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(t.Context(), hello); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("of an instance that has ended: %v, want a refusal", err)
	}
}

func TestAnInstanceWithoutALaunchIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	id := w.one(fleet.OnDemand)
	w.clock.Advance(5 * time.Minute)
	document, signature, err := w.Identity(id, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Provider(sim.ProviderOptions{}).Verify(t.Context(), agentapi.Hello{Document: document, Signature: signature}); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("Verify = %v, want a refusal", err)
	}
}

func TestAnInstanceThatIsNotKnownYetMayTryAgain(t *testing.T) { // page eventual-consistency
	w := newWorld(t, func(o *sim.Options) { o.Timing = sim.Timing{} }) // it boots at once
	w.faults(sim.Faults{Hidden: 1, HiddenFor: time.Minute})
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	a, err := p.Launch(t.Context(), provider.Request{LaunchID: "launch-1", Site: site(), Market: fleet.Spot, Count: 1, Spec: spec(fleet.Spot)})
	if err != nil {
		t.Fatal(err)
	}
	document, signature, err := w.Identity(a.Instances[0].ID, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	hello := agentapi.Hello{Document: document, Signature: signature}
	if _, err := p.Verify(t.Context(), hello); err == nil || errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("Verify = %v, want an error that is not final", err)
	}
	w.clock.Advance(time.Minute)
	if _, err := p.Verify(t.Context(), hello); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

func TestPoolMachinesStopAndStart(t *testing.T) { // rule 7.2
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	pool := spec(fleet.OnDemand)
	pool.Pool = "warm"
	a, err := p.Launch(t.Context(), provider.Request{LaunchID: "l", Site: site(), Market: fleet.OnDemand, Count: 1, Spec: pool})
	if err != nil {
		t.Fatal(err)
	}
	id := a.Instances[0].ID
	w.until(id, provider.Running)
	if err := w.PowerOff(id); err != nil || w.state(id) != provider.Stopping {
		t.Errorf("PowerOff = %v, and it is %s", err, w.state(id))
	}
	w.until(id, provider.Stopped)
	if err := p.Start(t.Context(), site(), []string{id}); err != nil {
		t.Fatal(err)
	}
	w.until(id, provider.Running)
	if err := p.Stop(t.Context(), site(), []string{id}); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context(), site(), []string{id}); code(err) != sim.CodeWrongState {
		t.Errorf("Start while it stops = %v", err)
	}
}
