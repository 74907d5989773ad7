package githubsim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// HookRequest is a webhook to send.
type HookRequest struct {
	URL    string
	Header http.Header
	Body   []byte
}

// HookResponse is what became of it: a status as GitHub's deliveries show it, also when nobody answered.
type HookResponse struct {
	StatusCode int
	Status     string
	Header     http.Header
	Body       string
	Duration   time.Duration
}

// Sender sends webhooks. The context carries the deadline of ten seconds.
type Sender interface {
	Send(ctx context.Context, r HookRequest) HookResponse
}

// HTTPSender sends webhooks over HTTP.
type HTTPSender struct{ client *http.Client }

// NewHTTPSender returns a sender with connections of its own, which Close ends.
func NewHTTPSender() *HTTPSender {
	return &HTTPSender{client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: maxInFlight, IdleConnTimeout: deliveryTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // GitHub follows none
	}}
}

// Close ends idle connections.
func (s *HTTPSender) Close() { s.client.CloseIdleConnections() }

const keptResponse = 64 << 10 // bytes of a response's body

// Send posts the webhook.
func (s *HTTPSender) Send(ctx context.Context, r HookRequest) HookResponse {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return HookResponse{StatusCode: http.StatusBadGateway, Status: "invalid URL"}
	}
	request.Header = r.Header.Clone()
	response, err := s.client.Do(request)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return HookResponse{StatusCode: http.StatusGatewayTimeout, Status: "timed out"}
	case err != nil:
		return HookResponse{StatusCode: http.StatusBadGateway, Status: "failed to connect to host"}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, keptResponse))
	if err != nil {
		return HookResponse{StatusCode: http.StatusBadGateway, Status: "connection closed"}
	}
	return HookResponse{StatusCode: response.StatusCode, Status: statusText(response.StatusCode), Header: response.Header, Body: string(body)}
}

func statusText(code int) string {
	if code >= http.StatusOK && code < http.StatusMultipleChoices {
		return "OK"
	}
	return "Invalid HTTP Response: " + itoa(int64(code))
}

// deliver sends one delivery, outside of the lock, and records what became of it. There is no second attempt.
func (s *Simulator) deliver(ctx context.Context, d *delivery) {
	start := s.clock.Now()
	response := HookResponse{StatusCode: http.StatusGatewayTimeout, Status: "timed out"}
	if !d.lost {
		timed, cancel := s.clock.WithTimeout(ctx, deliveryTimeout)
		response = s.sender.Send(timed, HookRequest{URL: d.url, Header: d.header, Body: d.body})
		cancel()
	}
	s.locked(func(now time.Time) {
		response.Duration = now.Sub(start)
		s.hooks.record(d, response, now)
	})
	s.logger.Debug("webhook delivered", "event", d.event, "action", d.action, "status", response.StatusCode)
}
