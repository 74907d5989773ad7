package agentapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

const keyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// scripted is a Service whose answers a test writes down.
type scripted struct {
	hello func(context.Context, agentapi.Hello) (agentapi.Welcome, error)
	poll  func(context.Context, string, agentapi.Report) (agentapi.Orders, error)
}

func (s scripted) Hello(ctx context.Context, h agentapi.Hello) (agentapi.Welcome, error) {
	return s.hello(ctx, h)
}

func (s scripted) Poll(ctx context.Context, key string, r agentapi.Report) (agentapi.Orders, error) {
	return s.poll(ctx, key, r)
}

func serve(t *testing.T, s agentapi.Service) string {
	t.Helper()
	server := httptest.NewServer(agentapi.NewHandler(s, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, url string) *agentapi.Client {
	t.Helper()
	c, err := agentapi.NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestMessagesArriveWhole(t *testing.T) {
	code := 100
	report := agentapi.Report{
		Sequence: 7, Runner: "r-1", Listener: agentapi.ListenerStopped, WorkerStarted: true, ExitCode: &code, Done: true,
		Phases:      []agentapi.Phase{{Name: "boot", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Detail: "cold"}},
		Diagnostics: "the end",
	}
	orders := agentapi.Orders{Command: agentapi.CommandAssign, Assignment: &agentapi.Assignment{Runner: "r-2", JITConfig: "e30=", MaxRuntime: time.Hour}}
	hello := agentapi.Hello{Token: "secret", KeyHash: keyHash, OS: "linux", Arch: "amd64", CPUs: 2, MemMiB: 1024}
	welcome := agentapi.Welcome{Machine: "m-1", LeaseSeconds: 60, RenewSeconds: 20}
	service := scripted{
		hello: func(_ context.Context, got agentapi.Hello) (agentapi.Welcome, error) {
			if diff := cmp.Diff(hello, got); diff != "" {
				t.Errorf("wrong hello (-want +got):\n%s", diff)
			}
			return welcome, nil
		},
		poll: func(_ context.Context, key string, got agentapi.Report) (agentapi.Orders, error) {
			if diff := cmp.Diff(report, got); diff != "" || key != "the key" {
				t.Errorf("key %q, wrong report (-want +got):\n%s", key, diff)
			}
			return orders, nil
		},
	}
	c := client(t, serve(t, service))
	gotWelcome, err := c.Hello(t.Context(), hello)
	if diff := cmp.Diff(welcome, gotWelcome); err != nil || diff != "" {
		t.Errorf("Hello: %v (-want +got):\n%s", err, diff)
	}
	gotOrders, err := c.Poll(t.Context(), "the key", report)
	if diff := cmp.Diff(orders, gotOrders); err != nil || diff != "" {
		t.Errorf("Poll: %v (-want +got):\n%s", err, diff)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	other := errors.New("the database at /secret/path is away")
	for name, test := range map[string]struct {
		err              error
		refused, invalid bool
		hides            string
	}{
		"refused is final":        {err: fmt.Errorf("%w: unknown key", agentapi.ErrRefused), refused: true},
		"invalid":                 {err: fmt.Errorf("%w: no such phase", agentapi.ErrInvalid), invalid: true},
		"anything else, unspoken": {err: other, hides: "/secret/path"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, serve(t, scripted{poll: func(context.Context, string, agentapi.Report) (agentapi.Orders, error) {
				return agentapi.Orders{}, test.err
			}}))
			_, err := c.Poll(t.Context(), "key", agentapi.Report{Listener: agentapi.ListenerNone})
			if err == nil || errors.Is(err, agentapi.ErrRefused) != test.refused || errors.Is(err, agentapi.ErrInvalid) != test.invalid {
				t.Errorf("Poll = %v, want refused %v, invalid %v", err, test.refused, test.invalid)
			}
			if test.hides != "" && strings.Contains(err.Error(), test.hides) {
				t.Errorf("the answer %q tells the agent about %q", err, test.hides)
			}
		})
	}
}

func TestServerRefuses(t *testing.T) {
	service := scripted{
		hello: func(context.Context, agentapi.Hello) (agentapi.Welcome, error) { return agentapi.Welcome{}, nil },
		poll:  func(context.Context, string, agentapi.Report) (agentapi.Orders, error) { return agentapi.Orders{}, nil },
	}
	url := serve(t, service)
	for name, test := range map[string]struct {
		method, path, key, body string
		want                    int
	}{
		"a GET":                        {method: http.MethodGet, path: agentapi.HelloPath, want: 405},
		"a path that is none":          {method: http.MethodPost, path: "/agent/v1/other", want: 404},
		"a hello that is no JSON":      {method: http.MethodPost, path: agentapi.HelloPath, body: "{", want: 400},
		"a hello without proof":        {method: http.MethodPost, path: agentapi.HelloPath, body: `{"key_hash":"` + keyHash + `"}`, want: 400},
		"a hello without a key":        {method: http.MethodPost, path: agentapi.HelloPath, body: `{"token":"t"}`, want: 400},
		"a hello of negative size":     {method: http.MethodPost, path: agentapi.HelloPath, body: `{"token":"t","cpus":-1,"key_hash":"` + keyHash + `"}`, want: 400},
		"a good hello":                 {method: http.MethodPost, path: agentapi.HelloPath, body: `{"token":"t","key_hash":"` + keyHash + `"}`, want: 200},
		"a poll without a key":         {method: http.MethodPost, path: agentapi.PollPath, body: `{"listener":"none"}`, want: 403},
		"a poll with an unknown state": {method: http.MethodPost, path: agentapi.PollPath, key: "Bearer k", body: `{"listener":"odd"}`, want: 400},
		"a poll of another type":       {method: http.MethodPost, path: agentapi.PollPath, key: "Bearer k", body: `{"sequence":"x"}`, want: 400},
		"a body over the limit":        {method: http.MethodPost, path: agentapi.PollPath, key: "Bearer k", body: `"` + strings.Repeat("x", agentapi.MaxBodyBytes) + `"`, want: 413},
		"diagnostics over the limit":   {method: http.MethodPost, path: agentapi.PollPath, key: "Bearer k", body: `{"listener":"none","diagnostics":"` + strings.Repeat("x", agentapi.MaxDiagnostics+1) + `"}`, want: 400},
		"a good poll":                  {method: http.MethodPost, path: agentapi.PollPath, key: "bearer k", body: `{"listener":"none","new":1}`, want: 200},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, url+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", test.key)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != test.want {
				t.Errorf("%d %s, want %d", response.StatusCode, body, test.want)
			}
			if kind := response.Header.Get("Content-Type"); test.want == 400 && kind != "application/problem+json" {
				t.Errorf("a refusal is of type %q", kind)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: agentapi.NewHandler(scripted{
		poll: func(context.Context, string, agentapi.Report) (agentapi.Orders, error) {
			return agentapi.Orders{Command: agentapi.CommandDrain}, nil
		},
	}, slog.New(slog.DiscardHandler))}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	orders, err := client(t, "unix://"+path).Poll(t.Context(), "k", agentapi.Report{Listener: agentapi.ListenerNone})
	if err != nil || orders.Command != agentapi.CommandDrain {
		t.Errorf("Poll = %+v, %v", orders, err)
	}
	_ = server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serving ended with %v", err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "localhost:80", "ftp://x", "unix://", "http://", "http://a b"} {
		if c, err := agentapi.NewClient(address); err == nil {
			t.Errorf("NewClient(%q) = %v, want an error", address, c)
		}
	}
}

func TestClientDoesNotCarryItsKeyElsewhere(t *testing.T) {
	var followed bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(other.Close)
	redirect := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirect.Close)
	_, err := client(t, redirect.URL).Poll(t.Context(), "key", agentapi.Report{})
	if err == nil || followed {
		t.Errorf("Poll = %v, followed %v: want an error and no second call", err, followed)
	}
}

func TestClipKeepsTheEndAndWholeCharacters(t *testing.T) {
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abc", 2, "bc"}, {"aé", 1, ""}, {"éa", 2, "a"}, {"", 0, ""}} {
		if got := agentapi.Clip(test.in, test.limit); got != test.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
		}
	}
}
