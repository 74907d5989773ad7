package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

const prefix = "/api/v1"

// JobFilter chooses jobs; empty fields choose all.
type JobFilter struct {
	State, Repository, Text string
}

// Job names a job; without Host it is of the server's own GitHub host.
type Job struct {
	Host string
	ID   int64
}

func (j Job) path() string {
	if j.Host == "" {
		return prefix + "/jobs/" + strconv.FormatInt(j.ID, 10)
	}
	return prefix + "/jobs/" + url.PathEscape(j.Host) + "/" + strconv.FormatInt(j.ID, 10)
}

// Jobs returns a page of jobs.
func (c *Client) Jobs(ctx context.Context, f JobFilter, cursor string, limit int) (view.JobPage, error) {
	q := url.Values{}
	set(q, "state", f.State)
	set(q, "repository", f.Repository)
	set(q, "q", f.Text)
	set(q, "cursor", cursor)
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return fetch[view.JobPage](ctx, c, http.MethodGet, prefix+"/jobs", q)
}

func set(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

// Job returns a job with its history.
func (c *Client) Job(ctx context.Context, j Job) (view.JobDetails, error) {
	return fetch[view.JobDetails](ctx, c, http.MethodGet, j.path(), nil)
}

// Why returns why a job waits.
func (c *Client) Why(ctx context.Context, j Job) (view.Why, error) {
	return fetch[view.Why](ctx, c, http.MethodGet, j.path()+"/why", nil)
}

// Log returns a job's log and where it comes from: "github" or "agent".
func (c *Client) Log(ctx context.Context, j Job) (text []byte, source string, err error) {
	a, err := c.call(ctx, http.MethodGet, j.path()+"/log", nil)
	if err != nil {
		return nil, "", err
	}
	return a.body, a.header.Get("Log-Source"), nil
}

// Machines returns a page of machines.
func (c *Client) Machines(ctx context.Context, ended bool, cursor string, limit int) (view.MachinePage, error) {
	q := url.Values{}
	if ended {
		q.Set("ended", "true")
	}
	set(q, "cursor", cursor)
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return fetch[view.MachinePage](ctx, c, http.MethodGet, prefix+"/machines", q)
}

// Machine returns a machine with its history.
func (c *Client) Machine(ctx context.Context, environment, region, id string) (view.MachineDetails, error) {
	return fetch[view.MachineDetails](ctx, c, http.MethodGet, machinePath(environment, region, id), nil)
}

func machinePath(environment, region, id string) string {
	return prefix + "/machines/" + url.PathEscape(environment) + "/" + url.PathEscape(region) + "/" + url.PathEscape(id)
}

// MachineLog returns a log of a machine, "console" or "runner", which may outlive its entry.
func (c *Client) MachineLog(ctx context.Context, environment, region, id, log string) ([]byte, error) {
	a, err := c.call(ctx, http.MethodGet, machinePath(environment, region, id)+"/logs/"+url.PathEscape(log), nil)
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

// Status returns the fleet at a glance.
func (c *Client) Status(ctx context.Context) (view.Status, error) {
	return fetch[view.Status](ctx, c, http.MethodGet, prefix+"/status", nil)
}

// Drain begins to drain the fleet.
func (c *Client) Drain(ctx context.Context) (view.Drain, error) {
	return fetch[view.Drain](ctx, c, http.MethodPost, prefix+"/drain", nil)
}

// DeadLetters lists messages that could not be applied.
func (c *Client) DeadLetters(ctx context.Context, limit int) (view.DeadLetters, error) {
	return fetch[view.DeadLetters](ctx, c, http.MethodGet, prefix+"/queue/dead", url.Values{"limit": {strconv.Itoa(limit)}})
}

// Redrive has them tried anew.
func (c *Client) Redrive(ctx context.Context) (view.Redriven, error) {
	return fetch[view.Redriven](ctx, c, http.MethodPost, prefix+"/queue/redrive", nil)
}

// LoginURL makes a one-time address for a browser.
func (c *Client) LoginURL(ctx context.Context) (view.LoginURL, error) {
	return fetch[view.LoginURL](ctx, c, http.MethodPost, prefix+"/login-urls", nil)
}

// IsNotFound says whether the server has no such thing.
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsRefused says whether the server does not let the caller in.
func IsRefused(err error) bool {
	return hasStatus(err, http.StatusUnauthorized) || hasStatus(err, http.StatusForbidden)
}

func hasStatus(err error, status int) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Status == status
}
