package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// wakeDeadline bounds one wake: later the agent looks at its row anyway.
const wakeDeadline = 2 * time.Second

// Client tells other replicas.
type Client struct {
	key   Key
	clock seam.Clock
	http  *http.Client
}

// NewClient returns a client that keeps its connections; it follows no redirection.
func NewClient(key Key, clock seam.Clock, transport http.RoundTripper) *Client {
	return &Client{key: key, clock: clock, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// errAnswer is an answer that is no success.
var errAnswer = errors.New("the replica refused")

// Wake tells the replica at the address, a URL, that the machine's agent has an order.
func (c *Client) Wake(ctx context.Context, address, machine string) (err error) {
	ctx, cancel := c.clock.WithTimeout(ctx, wakeDeadline)
	defer cancel()
	body, err := json.Marshal(wake{Machine: machine, At: c.clock.Now()})
	if err != nil {
		return fmt.Errorf("encoding a wake: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(address, "/")+Path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("waking at %s: %w", address, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(signatureHeader, c.key.sign(body))
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("waking at %s: %w", address, err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("waking at %s: %w", address, err)
	}
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("waking at %s: %w: %s: %s", address, errAnswer, response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
