package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// callDeadline bounds a call that comes without a shorter deadline: a launch starts up to 90 processes.
const callDeadline = time.Minute

// maxAnswer bounds an answer: a listing of 1,000 instances has 300 KB.
const maxAnswer = 16 << 20

// Client is a host's machines, used from elsewhere.
type Client struct {
	base, token string
	clock       seam.Clock
	http        *http.Client
}

var _ Machines = (*Client)(nil)

// NewClient returns a client of the host at address, http(s)://host:port. It makes no call, and follows no redirection,
// which would carry the token elsewhere.
func NewClient(address, token string, clock seam.Clock, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("reading the host's address: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("the host's address %q is not http(s)://host:port", address) //nolint:err113 // shown
	}
	return &Client{base: strings.TrimRight(address, "/") + Prefix, token: token, clock: clock, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// About asks what the host offers.
func (c *Client) About(ctx context.Context) (a About, err error) {
	return a, c.call(ctx, http.MethodGet, callAbout, nil, &a)
}

// Launch implements provider.Provider.
func (c *Client) Launch(ctx context.Context, r provider.Request) (a provider.Answer, err error) {
	return a, c.post(ctx, callLaunch, r, &a)
}

// Terminate implements provider.Provider.
func (c *Client) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	return c.post(ctx, callEnd, endRequest{site, ids}, &struct{}{})
}

// List implements provider.Provider.
func (c *Client) List(ctx context.Context, site fleet.Site) (out []provider.Instance, err error) {
	return out, c.post(ctx, callList, listRequest{site}, &out)
}

// Free implements provider.Provider.
func (c *Client) Free(ctx context.Context, site fleet.Site, spec fleet.Spec) (free int, err error) {
	return free, c.post(ctx, callFree, freeRequest{site, spec}, &free)
}

// ConsoleLog implements provider.Provider.
func (c *Client) ConsoleLog(ctx context.Context, site fleet.Site, id string) (log []byte, err error) {
	return log, c.post(ctx, callConsole, consoleRequest{site, id}, &log)
}

// Verify asks the host which of its machines says hello.
func (c *Client) Verify(ctx context.Context, h agentapi.Hello) (who Identity, err error) {
	return who, c.post(ctx, callVerify, h, &who)
}

func (c *Client) post(ctx context.Context, call string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encoding the call %s: %w", call, err)
	}
	return c.call(ctx, http.MethodPost, call, body, answer)
}

func (c *Client) call(ctx context.Context, method, call string, body []byte, answer any) error {
	ctx, cancel := c.clock.WithTimeout(ctx, callDeadline)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.base+call, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("calling %s of the host: %w", call, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("calling %s of the host: %w", call, err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("calling %s of the host: %w", call, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("calling %s of the host: %w", call, refusal(response.Status, text))
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("reading the host's answer to %s: %w", call, err)
	}
	return nil
}

// errHost is an answer of which nothing is known.
var errHost = errors.New("the host could not say what came of it")

// refusal makes an error of an answer that is no success.
func refusal(status string, text []byte) error {
	var f failure
	if err := json.Unmarshal(text, &f); err != nil || f.Kind.is() == nil {
		const most = 300
		return fmt.Errorf("%w: %s: %.*s", errHost, status, most, strings.TrimSpace(string(text)))
	}
	return fmt.Errorf("%w (the host says: %s)", f.Kind.is(), f.Message)
}
