package github

import (
	"context"
	"fmt"
	"io"
	"net/http"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// JobLog returns a job's log as plain text; the caller closes it. GitHub keeps it elsewhere, under an address that is
// signed for a minute: it is fetched without our token, and never appears in an error.
func (c *Client) JobLog(ctx context.Context, repository fleet.Repository, job int64) (io.ReadCloser, error) {
	k := read(fmt.Sprintf("fetching the log of job %d of %s", job, repository.FullName()), repository, grantRead, laneJobs)
	if err := checkNames(repository); err != nil {
		return nil, fmt.Errorf("%s: %w", k.doing, err)
	}
	ctx, cancel := c.clock.WithTimeout(ctx, logDeadline)
	k.deadline = logDeadline
	body, err := c.jobLog(ctx, k, job)
	if err != nil {
		cancel()
		return nil, err
	}
	return &closingBody{ReadCloser: body, cancel: cancel}, nil
}

func (c *Client) jobLog(ctx context.Context, k call, job int64) (io.ReadCloser, error) {
	path := fmt.Sprintf("repos/%s/%s/actions/jobs/%d/logs", k.repo.Owner, k.repo.Name, job)
	var direct io.ReadCloser
	got, err := c.invoke(ctx, k, func(short context.Context) (*gh.Response, error) {
		// The body outlives this call, so it is bound to the outer context; the token is the call's.
		add, _ := short.Value(credentialKey{}).(onRequest)
		req, err := c.api.NewRequest(withRequest(ctx, add), http.MethodGet, path, nil)
		if err != nil {
			return nil, fmt.Errorf("making the request: %w", err)
		}
		resp, err := c.api.BareDo(req)
		if err == nil {
			direct = resp.Body
		}
		return resp, err
	})
	switch {
	case err != nil:
		return nil, err
	case direct != nil:
		return direct, nil
	case got.status == http.StatusNotFound || got.status == http.StatusGone:
		if err = c.confirmAbsent(ctx, k); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: it is not there (yet), or no longer kept: %w", k.doing, controller.ErrNoJob)
	case got.location == nil:
		return nil, k.fail(got)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.ResolveReference(got.location).String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: the address that GitHub gave cannot be used", k.doing)
	}
	resp, err := c.plain.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.doing, withoutAddress(err))
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, &StatusError{Doing: k.doing, Status: resp.StatusCode, Message: "from the store that keeps the log"}
	}
	return resp.Body, nil
}

// closingBody ends the call's context with the body.
type closingBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *closingBody) Close() error {
	defer b.cancel()
	if err := b.ReadCloser.Close(); err != nil {
		return fmt.Errorf("closing a job's log: %w", err)
	}
	return nil
}
