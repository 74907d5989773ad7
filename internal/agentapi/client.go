package agentapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// HelloTimeout is when the agent gives one hello up; it then tries again.
const HelloTimeout = 15 * time.Second

// Client is the agent's side. Its errors wrap ErrRefused where the answer is final and ErrInvalid where the control plane
// did not understand; any other means that the call may be repeated.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a client of the control plane at server: http://host:port, https://host:port or, for a server on the
// same machine, unix:///path/of/socket. Redirects are not followed, since they would carry the key elsewhere.
func NewClient(server string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("reading the server's address: %w", err)
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost:   2, // a poll in flight and its successor
		IdleConnTimeout:       time.Minute,
		ResponseHeaderTimeout: PollTimeout,
		TLSHandshakeTimeout:   HelloTimeout,
		ForceAttemptHTTP2:     true,
	}
	dialer := &net.Dialer{Timeout: HelloTimeout}
	transport.DialContext = dialer.DialContext
	base := strings.TrimSuffix(server, "/")
	switch {
	case u.Scheme == "unix" && u.Path != "":
		base = "http://unix"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", u.Path)
		}
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		transport.Proxy = http.ProxyFromEnvironment
	default:
		return nil, fmt.Errorf("the server's address %q is neither http(s)://host:port nor unix:///path", server)
	}
	return &Client{base: base, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Hello proves the machine.
func (c *Client) Hello(ctx context.Context, h Hello) (Welcome, error) {
	ctx, cancel := context.WithTimeout(ctx, HelloTimeout)
	defer cancel()
	var welcome Welcome
	if err := c.call(ctx, HelloPath, "", h, &welcome); err != nil {
		return Welcome{}, fmt.Errorf("saying hello: %w", err)
	}
	return welcome, nil
}

// Poll reports and waits for orders.
func (c *Client) Poll(ctx context.Context, key string, r Report) (Orders, error) {
	ctx, cancel := context.WithTimeout(ctx, PollTimeout)
	defer cancel()
	var orders Orders
	if err := c.call(ctx, PollPath, key, r, &orders); err != nil {
		return Orders{}, fmt.Errorf("polling: %w", err)
	}
	return orders, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) call(ctx context.Context, path, key string, message, into any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("writing the message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("calling the control plane: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end or given up; either way nothing is to be done
	answer, err := io.ReadAll(io.LimitReader(response.Body, MaxBodyBytes+1))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(answer) > MaxBodyBytes {
		return fmt.Errorf("the answer is over %d bytes", MaxBodyBytes)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading the answer: %s", jsonReason(err)) // the answer may hold a secret
	}
	return nil
}

func refusal(status int, body []byte) error {
	var problem Problem
	detail := http.StatusText(status)
	if err := json.Unmarshal(body, &problem); err == nil && problem.Detail != "" {
		detail = problem.Detail
	}
	switch status {
	case http.StatusForbidden:
		return &answerError{status, detail, ErrRefused}
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return &answerError{status, detail, ErrInvalid}
	default:
		return &answerError{status, detail, errors.New("try again")}
	}
}

// answerError is an answer other than 200.
type answerError struct {
	status int
	detail string
	kind   error
}

func (e *answerError) Error() string {
	return fmt.Sprintf("the control plane answered %d: %s", e.status, e.detail)
}
func (e *answerError) Unwrap() error { return e.kind }
