package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Deadlines of calls. GitHub ends a request itself after 10 s (GitHub docs, "Timeouts"); the rest is for the way.
const (
	readDeadline  = 15 * time.Second
	writeDeadline = 20 * time.Second
	// mintDeadline is short because the machine stands idle meanwhile, and long enough that an answer after GitHub's own
	// 10 s is not made unknown.
	mintDeadline = 15 * time.Second
	tokenTimeout = 10 * time.Second
	// credentialTimeout covers the look-up of an installation and the token, or another caller's turn at them.
	credentialTimeout = 2 * tokenTimeout
	logDeadline       = 2 * time.Minute // a log of some 100 MB
)

// call describes one request to GitHub.
type call struct {
	doing    string // a gerund phrase, for errors
	repo     fleet.Repository
	grant    grant
	lane     lane
	points   int // of the lane's minute; none for a mint, which the minting budget counts
	deadline time.Duration
	etag     string
	mint     bool // spends the minting budget
}

func read(doing string, repo fleet.Repository, g grant, l lane) call {
	return call{doing: doing, repo: repo, grant: g, lane: l, points: pointsOfRead, deadline: readDeadline}
}

func write(doing string, repo fleet.Repository, g grant, l lane) call {
	return call{doing: doing, repo: repo, grant: g, lane: l, points: pointsOfWrite, deadline: writeDeadline}
}

// unsentError says that a call certainly had no effect: it failed before anything was sent.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// invoke makes one call under its deadline, with the token that it needs and within its account's limits. It is never
// repeated, except once with a fresh token after a 401, which proves that nothing was done. The answer is valid if err is
// nil; then its status is below 400 or is that of an error which the caller has to judge.
func (c *Client) invoke(ctx context.Context, k call, do func(context.Context) (*gh.Response, error)) (answer, error) {
	cred, err := c.credentialInTime(ctx, k)
	if err != nil {
		return answer{}, err
	}
	got, err := c.attempt(ctx, k, cred, do)
	if err != nil || got.status != http.StatusUnauthorized || !c.renew(ctx, cred) {
		return got, err
	}
	c.fellBack(controller.FallbackToken)
	c.log.Warn("GitHub refused a token, fetching another", "doing", k.doing, "repository", k.repo.FullName())
	if cred, err = c.credentialInTime(ctx, k); err != nil {
		return answer{}, err
	}
	return c.attempt(ctx, k, cred, do)
}

// credentialInTime bounds the wait for a token apart from the call itself, so that a slow token does not make the outcome
// of the call unknown.
func (c *Client) credentialInTime(ctx context.Context, k call) (credential, error) {
	ctx, cancel := c.clock.WithTimeout(ctx, credentialTimeout)
	defer cancel()
	cred, err := c.credential(ctx, k)
	if err != nil {
		return credential{}, &unsentError{fmt.Errorf("%s: %w", k.doing, err)}
	}
	return cred, nil
}

// attempt is a single request.
func (c *Client) attempt(ctx context.Context, k call, cred credential, do func(context.Context) (*gh.Response, error)) (answer, error) {
	ctx, cancel := c.clock.WithTimeout(ctx, k.deadline)
	defer cancel()
	account := c.accounts.of(cred.account)
	leave, err := account.enter(ctx)
	if err != nil {
		return answer{}, &unsentError{fmt.Errorf("%s: %w", k.doing, err)}
	}
	defer leave()
	if err = account.admit(k.lane, k.points); err != nil {
		return answer{}, fmt.Errorf("%s: %w", k.doing, err)
	}
	if k.mint {
		if err = c.budget.Spend(ctx, cred.account); err != nil {
			return answer{}, fmt.Errorf("%s: %w", k.doing, err)
		}
	}
	resp, err := do(withRequest(ctx, onRequest{token: cred.token, etag: k.etag}))
	got, err := answerOf(resp, err)
	if err != nil {
		account.count(k.lane, statusNone)
		failure := fmt.Errorf("%s: %w", k.doing, err)
		if neverSent(err) {
			return answer{}, &unsentError{failure}
		}
		return answer{}, failure
	}
	got.message = strings.ReplaceAll(got.message, cred.token, "[token]")
	limited := account.observe(k.lane, got)
	if limited != nil {
		account.count(k.lane, statusLimited)
		c.log.Warn("GitHub's limit reached", "doing", k.doing, "lane", k.lane.String(), "account", cred.account, "error", limited)
		return answer{}, fmt.Errorf("%s: %w", k.doing, limited)
	}
	account.count(k.lane, statusOf(got.status))
	if got.broken != nil {
		return answer{}, fmt.Errorf("%s: reading GitHub's answer (status %d): %w", k.doing, got.status, got.broken)
	}
	return got, nil
}

// fail turns an answer of status 300 and above into an error.
func (k call) fail(a answer) error {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity:
		return fmt.Errorf("%s: %w", k.doing, &controller.RefusedError{Status: a.status, Message: a.message})
	default:
		return &StatusError{Doing: k.doing, Status: a.status, Message: a.message}
	}
}

// get is invoke for calls of which only success is an answer.
func (c *Client) get(ctx context.Context, k call, do func(context.Context) (*gh.Response, error)) (answer, error) {
	got, err := c.invoke(ctx, k, do)
	if err != nil {
		return got, err
	}
	if got.status >= http.StatusMultipleChoices {
		return got, k.fail(got)
	}
	return got, nil
}
