package agentapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// FuzzAgentProtocol sends arbitrary bodies to both calls: each is answered by one of the protocol's own statuses, and
// nothing out of bounds reaches the Service.
func FuzzAgentProtocol(f *testing.F) {
	f.Add(agentapi.HelloPath, "", `{"token":"t","key_hash":"`+keyHash+`","cpus":2,"booted":"2026-01-02T03:04:05Z"}`)
	f.Add(agentapi.HelloPath, "", `{"document":"d","signature":"s","key_hash":"`+keyHash+`"}`)
	f.Add(agentapi.PollPath, "Bearer k", `{"sequence":1,"listener":"connected","phases":[{"name":"boot","at":"2026-01-02T03:04:05Z"}],"exit_code":2}`)
	f.Add(agentapi.PollPath, "Bearer k", `{"listener":"none","diagnostics":"\ud800"}`)
	f.Add(agentapi.PollPath, "Basic k", `[]`)
	f.Add(agentapi.PollPath, "Bearer ", "\x00")
	f.Fuzz(func(t *testing.T, path, authorization, body string) {
		service := scripted{
			hello: func(_ context.Context, h agentapi.Hello) (agentapi.Welcome, error) {
				if len(h.KeyHash) != len(keyHash) || (h.Token == "") == (h.Document == "") {
					t.Errorf("an unusable hello got through: %+v", h)
				}
				return agentapi.Welcome{}, nil
			},
			poll: func(_ context.Context, key string, r agentapi.Report) (agentapi.Orders, error) {
				if key == "" || len(r.Diagnostics) > agentapi.MaxDiagnostics || r.Listener == "" {
					t.Errorf("an unusable report got through: %q %+v", key, r)
				}
				return agentapi.Orders{}, nil
			},
		}
		if path != agentapi.HelloPath {
			path = agentapi.PollPath
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		request.Header.Set("Authorization", authorization)
		recorder := httptest.NewRecorder()
		agentapi.NewHandler(service, slog.New(slog.DiscardHandler)).ServeHTTP(recorder, request)
		switch recorder.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("%s %q answered %d", path, body, recorder.Code)
		}
	})
}
