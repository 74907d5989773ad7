package ec2_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agent/metadata"
	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/awssim/imds"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/identity"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func signerOf(t *testing.T) (*imds.Signer, func(*ec2.Options)) {
	t.Helper()
	s, err := imds.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.Parse(s.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	return s, func(o *ec2.Options) { o.Certificates = identity.Certificates{site.Region: c} }
}

// hello is what the agent on an instance says: it reads what the instance's own metadata service hands out.
func (w *world) hello(s *imds.Signer, instance string) agentapi.Hello {
	w.t.Helper()
	service := imds.New(imds.Options{Machines: w.server, Instance: instance, Clock: w.clock, Random: seam.Crypto{}, Signer: s})
	server := httptest.NewServer(service.At(1))
	defer server.Close()
	document, signature, err := metadata.New(metadata.Options{Endpoint: server.URL, Clock: seam.System{}}).Proof(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return agentapi.Hello{Document: document, Signature: signature, KeyHash: "k"}
}

// Rule 3.1: the document that an instance's metadata service hands out proves which instance, of which launch, says hello.
func TestAnInstanceProvesWhoItIs(t *testing.T) {
	w := newWorld(t, 10)
	s, certified := signerOf(t)
	p := w.provider(certified)
	a := w.launch(p, request("l-one", 1))
	_ = w.clock.Sleep(t.Context(), 2*time.Minute)
	got, err := p.Verify(t.Context(), w.hello(s, a.Instances[0].ID))
	if want := (ec2.Identity{Site: site, Instance: a.Instances[0].ID, Launch: "l-one"}); err != nil || got != want {
		t.Errorf("Verify = %+v, %v; want %+v", got, err, want)
	}
}

func TestAHelloThatProvesNothingIsRefused(t *testing.T) {
	w := newWorld(t, 10)
	s, certified := signerOf(t)
	other, _ := signerOf(t)
	p := w.provider(certified)
	strange := w.provider(certified, func(o *ec2.Options) { o.Fleet = "f2" })
	a := w.launch(p, request("l-one", 2))
	foreign := w.launch(strange, request("l-two", 1))
	_ = w.clock.Sleep(t.Context(), 2*time.Minute)
	ours, theirs := w.hello(s, a.Instances[0].ID), w.hello(s, foreign.Instances[0].ID)
	dead := w.hello(s, a.Instances[1].ID)
	resigned := ours
	resigned.Document = strings.Replace(ours.Document, "123456789012", "999999999999", 1)
	resigned.Signature, _ = s.PKCS7([]byte(resigned.Document))
	forged := w.hello(other, a.Instances[0].ID)
	if err := p.Terminate(t.Context(), site, []string{a.Instances[1].ID}); err != nil {
		t.Fatal(err)
	}
	_ = w.clock.Sleep(t.Context(), 10*time.Minute)
	for name, h := range map[string]agentapi.Hello{
		"no document":                         {KeyHash: "k", Token: "a token"},
		"a document that AWS did not sign":    forged,
		"an instance of another fleet":        theirs, // invariant RightFleet
		"an instance that is gone":            dead,
		"an account that is not the fleet's":  resigned,
		"a document with another's signature": {Document: ours.Document, Signature: theirs.Signature},
	} {
		if id, err := p.Verify(t.Context(), h); !errors.Is(err, agentapi.ErrRefused) {
			t.Errorf("%s: Verify = %+v, %v; want a refusal", name, id, err)
		}
	}
	elsewhere := w.provider(certified, func(o *ec2.Options) {
		o.Sites[0].Site = fleet.Site{Environment: "other", Region: site.Region}
	})
	if id, err := elsewhere.Verify(t.Context(), ours); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("an environment that is not configured: Verify = %+v, %v; want a refusal", id, err)
	}
}

// An instance may speak before EC2 lists it.
func TestAnInstanceThatIsNotListedYetMaySayHelloAgain(t *testing.T) {
	w := newWorld(t, 10)
	s, certified := signerOf(t)
	p := w.provider(certified)
	if err := w.cloud.SetFaults(sim.Faults{Hidden: 1, HiddenFor: 3 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	a := w.launch(p, request("l-one", 1))
	_ = w.clock.Sleep(t.Context(), 30*time.Second)
	h := w.hello(s, a.Instances[0].ID)
	if id, err := p.Verify(t.Context(), h); err == nil || errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("Verify = %+v, %v; want an error that is not final", id, err)
	}
	_ = w.clock.Sleep(t.Context(), 10*time.Minute)
	if _, err := p.Verify(t.Context(), h); err != nil {
		t.Errorf("when it is listed: %v", err)
	}
}
