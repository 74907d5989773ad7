package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
)

// server is what one life of a replica serves: the handlers of production, called without a connection.
type server struct {
	webhook *ingress.Webhook
	agents  http.Handler
}

// webhookSecret is what GitHub signs deliveries with.
const webhookSecret = "the secret of the simulated webhook"

func newServer(w *World, d *domain, service agentapi.Service, log *slog.Logger) server {
	hook, err := ingress.New(ingress.Options{
		Secrets: []string{webhookSecret}, Owners: []string{owner}, Host: host, Queue: queueSeam{w, d}, Clock: clock{w.s, d}, Logger: log,
	})
	if err != nil {
		panic("simulate: " + err.Error()) // the options above
	}
	return server{webhook: hook, agents: agentapi.NewHandler(service, log)}
}

// answer is a response that is read when it is whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

var _ http.ResponseWriter = (*answer)(nil)

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// post calls a handler. The header's keys are in canonical form.
func post(ctx context.Context, h http.Handler, path string, header http.Header, body []byte) *answer {
	a := &answer{status: http.StatusOK, header: http.Header{}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://runs-fleet.sim"+path, bytes.NewReader(body))
	if err != nil {
		panic("simulate: " + err.Error()) // the address above
	}
	r.Header = header
	h.ServeHTTP(a, r)
	return a
}

// errAgain is an answer that asks an agent to try again.
var errAgain = errors.New("the control plane asks to try again")

// say is a call of an agent as it goes over the wire: encoded, served by the protocol's handler, and decoded.
func say[T any](ctx context.Context, s server, path, key string, message any) (into T, err error) {
	body, err := json.Marshal(message)
	if err != nil {
		return into, fmt.Errorf("writing the message: %w", err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if key != "" {
		header.Set("Authorization", "Bearer "+key)
	}
	a := post(ctx, s.agents, path, header, body)
	switch a.status {
	case http.StatusOK:
	case http.StatusForbidden:
		return into, fmt.Errorf("%w: %s", agentapi.ErrRefused, a.body)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return into, fmt.Errorf("%w: %s", agentapi.ErrInvalid, a.body)
	default:
		return into, fmt.Errorf("%w: %s", errAgain, a.body)
	}
	if err := json.Unmarshal(a.body, &into); err != nil {
		return into, fmt.Errorf("reading the answer: %w", err)
	}
	return into, nil
}
