package simclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// Client calls the control endpoints of one simulator. Deadlines are the contexts'.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New returns a client of the simulator at base, such as http://127.0.0.1:8080.
func New(base, token string, client *http.Client) *Client {
	if client == nil {
		client = http.DefaultClient
	}
	return &Client{base: strings.TrimRight(base, "/"), token: token, http: client}
}

// AddRepository creates a repository.
func (c *Client) AddRepository(ctx context.Context, spec world.RepositorySpec) error {
	return c.call(ctx, http.MethodPost, "/_sim/repositories", spec, nil)
}

// Commit changes a file and returns the new commit's sha. It sends a push event.
func (c *Client) Commit(ctx context.Context, f File) (string, error) {
	var answer struct {
		SHA string `json:"sha"`
	}
	err := c.call(ctx, http.MethodPut, "/_sim/files", f, &answer)
	return answer.SHA, err
}

// Dispatch starts a run.
func (c *Client) Dispatch(ctx context.Context, d Dispatch) (Run, error) {
	var run Run
	err := c.call(ctx, http.MethodPost, "/_sim/dispatch", d, &run)
	return run, err
}

// Runs lists all runs, oldest first.
func (c *Client) Runs(ctx context.Context) ([]Run, error) {
	var runs []Run
	err := c.call(ctx, http.MethodGet, "/_sim/runs", nil, &runs)
	return runs, err
}

// Jobs lists the jobs of the latest attempts, oldest first: of one run, or of all with run 0.
func (c *Client) Jobs(ctx context.Context, run int64) ([]Job, error) {
	path := "/_sim/jobs"
	if run != 0 {
		path += "?run=" + strconv.FormatInt(run, 10)
	}
	var jobs []Job
	err := c.call(ctx, http.MethodGet, path, nil, &jobs)
	return jobs, err
}

// Log returns what a job's runner has sent so far.
func (c *Client) Log(ctx context.Context, job int64) (string, error) {
	body, err := c.raw(ctx, http.MethodGet, "/_sim/jobs/"+strconv.FormatInt(job, 10)+"/log", nil)
	return string(body), err
}

// Registrations lists the runners of all scopes.
func (c *Client) Registrations(ctx context.Context) ([]Registration, error) {
	var list []Registration
	err := c.call(ctx, http.MethodGet, "/_sim/registrations", nil, &list)
	return list, err
}

// AddForeign registers a runner that the simulator plays.
func (c *Client) AddForeign(ctx context.Context, f Foreign) error {
	return c.call(ctx, http.MethodPost, "/_sim/runners", f, nil)
}

// Steal gives a queued job to a foreign runner.
func (c *Client) Steal(ctx context.Context, s Steal) error {
	return c.call(ctx, http.MethodPost, "/_sim/steal", s, nil)
}

// Review approves or rejects what a run waits for.
func (c *Client) Review(ctx context.Context, r Review) error {
	return c.call(ctx, http.MethodPost, "/_sim/review", r, nil)
}

// Cancel cancels a run.
func (c *Client) Cancel(ctx context.Context, run int64) error {
	return c.call(ctx, http.MethodPost, "/_sim/runs/"+strconv.FormatInt(run, 10)+"/cancel", nil, nil)
}

// Rerun starts a new attempt of a run, of all jobs or of those that failed.
func (c *Client) Rerun(ctx context.Context, run int64, failedOnly bool) error {
	return c.call(ctx, http.MethodPost, "/_sim/runs/"+strconv.FormatInt(run, 10)+"/rerun?failed="+strconv.FormatBool(failedOnly), nil, nil)
}

// Faults returns the faults that are on.
func (c *Client) Faults(ctx context.Context) (world.Faults, error) {
	var faults world.Faults
	err := c.call(ctx, http.MethodGet, "/_sim/faults", nil, &faults)
	return faults, err
}

// SetFaults replaces the faults.
func (c *Client) SetFaults(ctx context.Context, f world.Faults) error {
	return c.call(ctx, http.MethodPut, "/_sim/faults", f, nil)
}

// Ping sends a ping event to the webhook.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/_sim/ping", nil, nil)
}

// Deliveries lists the webhooks that were attempted, oldest first.
func (c *Client) Deliveries(ctx context.Context) ([]Delivery, error) {
	var list []Delivery
	err := c.call(ctx, http.MethodGet, "/_sim/deliveries", nil, &list)
	return list, err
}

// Reports lists check runs and commit statuses, oldest first.
func (c *Client) Reports(ctx context.Context) ([]Report, error) {
	var list []Report
	err := c.call(ctx, http.MethodGet, "/_sim/reports", nil, &list)
	return list, err
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, err := c.raw(ctx, method, path, in)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("reading the simulator's answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) raw(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return nil, fmt.Errorf("writing the request %s %s: %w", method, path, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, &body)
	if err != nil {
		return nil, fmt.Errorf("calling the simulator: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling the simulator: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the simulator's answer to %s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("the simulator answered %s %s with %s: %s", method, path, response.Status, bytes.TrimSpace(content))
	}
	return content, nil
}
