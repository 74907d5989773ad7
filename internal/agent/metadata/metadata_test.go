package metadata_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/agent/metadata"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// AWS's own mock answers with tokens only, and announces an interruption and a rebalance.
func TestAgainstTheMockOfAWS(t *testing.T) {
	s := metadata.New(metadata.Options{Endpoint: awstest.Start(t, emulator.MetadataMock), Clock: seam.System{}})
	if _, _, err := s.Proof(t.Context()); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("Proof = %v; the mock has the document, and no signature of the kind rsa2048", err)
	}
	n, err := s.Notice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n.Action != "terminate" || n.Interruption.IsZero() || n.Rebalance.IsZero() {
		t.Errorf("notice %+v", n)
	}
}

// service is a metadata service that answers as it is told to, once it was asked for a token.
func service(t *testing.T, answer http.HandlerFunc) *metadata.Service {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
			_, _ = w.Write([]byte("token"))
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return metadata.New(metadata.Options{Endpoint: server.URL, Clock: seam.System{}})
}

func TestNothingIsAnnounced(t *testing.T) {
	s := service(t, http.NotFound)
	if n, err := s.Notice(t.Context()); err != nil || n != (metadata.Notice{}) {
		t.Errorf("Notice = %+v, %v; want nothing", n, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"an error":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"a page":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no end":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 1<<20))) },
		"unauthorized": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"another time": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"action":"terminate","time":"soon"}`))
		},
		"a cut answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		},
		"no connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := service(t, answer).Notice(t.Context()); err == nil {
				t.Errorf("Notice = %+v, want an error", n)
			}
		})
	}
}

// Without a token there is nothing: IMDSv1 is not fallen back to.
func TestAServiceWithoutTokensIsNotBelieved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"action":"terminate","time":"2026-01-01T00:00:00Z"}`))
	}))
	t.Cleanup(server.Close)
	s := metadata.New(metadata.Options{Endpoint: server.URL, Clock: seam.System{}})
	if n, err := s.Notice(t.Context()); err == nil {
		t.Errorf("Notice = %+v, want an error", n)
	}
}

// A caller that has to go does not wait for a service that says nothing.
func TestAQuestionEndsWithItsContext(t *testing.T) {
	s := service(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if n, err := s.Notice(ctx); err == nil {
		t.Errorf("Notice = %+v, want an error", n)
	}
}
