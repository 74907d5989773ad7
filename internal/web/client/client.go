package client

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

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

// Client calls one server.
type Client struct {
	base  *url.URL
	token string
	clock seam.Clock
	http  *http.Client
}

// callDeadline bounds a call; the log of a job comes from GitHub through the server and takes the longest.
const callDeadline = 40 * time.Second

// maxAnswer bounds what is read of an answer.
const maxAnswer = 256 << 20

// New returns a client of the server at an address.
func New(server, token string, clock seam.Clock) (*Client, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a server: write http://HOST:PORT or https://HOST", server)
	}
	return &Client{
		base: base, token: token, clock: clock,
		http: &http.Client{
			// A token must not follow to another host, and the API redirects nowhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Address is where the server is.
func (c *Client) Address() string { return c.base.String() }

// StatusError is an answer of the server that is no success.
type StatusError struct {
	Status int
	Detail string
}

func (e *StatusError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the server answered %d (%s)", e.Status, http.StatusText(e.Status))
	}
	return e.Detail
}

// answer is what a call brings back.
type answer struct {
	header http.Header
	body   []byte
}

func (c *Client) call(ctx context.Context, method, path string, query url.Values) (answer, error) {
	ctx, cancel := c.clock.WithTimeout(ctx, callDeadline)
	defer cancel()
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return answer{}, fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json, text/plain")
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("reading the server's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return answer{}, refusal(resp.StatusCode, b)
	}
	return answer{resp.Header, b}, nil
}

// unreachable drops the address from the library's error, which names it twice.
func (c *Client) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%w answers at %s: start one with runs-fleet serve (%w)", ErrNoServer, c.base, err)
}

func refusal(status int, b []byte) error {
	var p problem.Problem
	if err := json.Unmarshal(b, &p); err != nil {
		return &StatusError{Status: status, Detail: strings.TrimSpace(string(b[:min(len(b), 200)]))}
	}
	return &StatusError{Status: status, Detail: p.Detail}
}

func fetch[T any](ctx context.Context, c *Client, method, path string, query url.Values) (T, error) {
	var out T
	a, err := c.call(ctx, method, path, query)
	if err != nil {
		return out, err
	}
	if err := json.NewDecoder(bytes.NewReader(a.body)).Decode(&out); err != nil {
		return out, fmt.Errorf("reading the answer of %s as JSON: is there a runs-fleet server at %s? (%w)", path, c.base, err)
	}
	return out, nil
}
