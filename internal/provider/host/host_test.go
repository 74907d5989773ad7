package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/host"
	"github.com/runs-fleet/runs-fleet/internal/provider/providertest"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "0123456789abcdef0123456789abcdef"

// machines are those of a simulated cloud, one of which says hello.
type machines struct{ *sim.Provider }

func (machines) Verify(_ context.Context, h agentapi.Hello) (host.Identity, error) {
	switch h.Token {
	case "good":
		return host.Identity{Site: fleet.Site{Environment: "production", Region: "us-east-1"}, Instance: "i-1", Launch: "l-1"}, nil
	case "used":
		return host.Identity{}, fmt.Errorf("%w: the token was used already", agentapi.ErrRefused)
	default:
		return host.Identity{}, errors.New("the disk is full")
	}
}

func serve(t *testing.T, given string) (*host.Client, *httptest.Server) {
	t.Helper()
	types, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := sim.New(sim.Options{
		Clock: seam.System{}, Random: seam.Crypto{}, Catalog: types, Regions: sim.DefaultRegions(4), Timing: sim.DefaultTiming(),
	})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := host.NewHandler(machines{cloud.Provider(sim.ProviderOptions{Fleet: "f1", KnowsRoom: true})},
		host.About{Isolation: "user", Slots: 4, OS: fleet.Linux, Arch: fleet.AMD64, Version: "v1"}, token, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	client, err := host.NewClient(server.URL, given, seam.System{}, transport)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Backend {
		client, _ := serve(t, token)
		return providertest.Backend{
			Provider: client, Site: fleet.Site{Environment: "production", Region: "us-east-1"},
			Spec: fleet.Spec{
				CPU: fleet.Range{Min: 2, Max: 2}, Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux, Market: fleet.OnDemand, Families: []string{"c7i"},
			},
			Impossible: fleet.Spec{OS: fleet.Linux, Archs: []fleet.Arch{fleet.ARM64}, Families: []string{"c7i"}},
		}
	})
}

func TestAbout(t *testing.T) {
	client, _ := serve(t, token)
	got, err := client.About(t.Context())
	if want := (host.About{Isolation: "user", Slots: 4, OS: fleet.Linux, Arch: fleet.AMD64, Version: "v1"}); err != nil || got != want {
		t.Errorf("About = %+v, %v", got, err)
	}
}

func TestVerify(t *testing.T) {
	client, _ := serve(t, token)
	who, err := client.Verify(t.Context(), agentapi.Hello{Token: "good"})
	if err != nil || who.Instance != "i-1" || who.Launch != "l-1" || who.Site.Region != "us-east-1" {
		t.Errorf("Verify = %+v, %v", who, err)
	}
	if _, err := client.Verify(t.Context(), agentapi.Hello{Token: "used"}); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("a token that was used: %v, want a refusal, which is final", err)
	}
	if _, err := client.Verify(t.Context(), agentapi.Hello{}); err == nil || errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("a host in trouble: %v, want an error that is not final", err)
	}
}

func TestWithoutTheTokenNothingIsDone(t *testing.T) {
	client, server := serve(t, "another-token-of-the-same-length")
	_, err := client.Launch(t.Context(), provider.Request{LaunchID: "l"})
	if !errors.Is(err, host.ErrToken) {
		t.Errorf("Launch = %v", err)
	}
	for _, path := range []string{"", "about", "launch", "terminate", "list", "free", "console", "verify", "else"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+host.Prefix+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: %s", path, response.Status)
		}
	}
}

// failure mode J4: a call of unknown outcome must not be taken for a refusal.
func TestWhatIsUnknownStaysUnknown(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a proxy's error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>bad gateway", http.StatusBadGateway)
		},
		"no JSON":       func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"a redirection": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"an unknown kind": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"kind":"new","message":"x"}`, http.StatusConflict)
		},
		"a connection cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client, err := host.NewClient(server.URL, token, seam.System{}, transport)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Launch(t.Context(), provider.Request{LaunchID: "l"})
			if err == nil || errors.Is(err, provider.ErrInvalid) || errors.Is(err, provider.ErrTokenReused) || errors.Is(err, host.ErrToken) {
				t.Errorf("Launch = %v, want an error that says nothing of the outcome", err)
			}
		})
	}
}

func TestARequestOfANewerVersionIsRefused(t *testing.T) {
	_, server := serve(t, token)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+host.Prefix+"list", strings.NewReader(`{"site":{},"only_idle":true}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "only_idle") {
		t.Errorf("%s: %s", response.Status, text)
	}
}

func TestWhatCannotWorkIsRefusedAtTheStart(t *testing.T) {
	if _, err := host.NewHandler(machines{}, host.About{}, "short", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a short token was taken")
	}
	for _, address := range []string{"", "localhost:8090", "unix:///x", "http://", "http://h:1/path"} {
		if _, err := host.NewClient(address, token, seam.System{}, http.DefaultTransport); err == nil {
			t.Errorf("the address %q was taken", address)
		}
	}
}
