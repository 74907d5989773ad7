package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// renewBefore is how long before its end a token is replaced: longer than any call takes, and than clocks differ.
const renewBefore = 5 * time.Minute

// grant is what a token is for. A token has this grant's permissions only.
type grant int

const (
	grantApp    grant = iota // the App as itself
	grantRead                // actions: read, for all repositories of the installation
	grantRunner              // administration: write, for one repository
	grantReport              // checks: write, for one repository
	grantCancel              // actions: write, for one repository
)

// narrow returns the permissions of a grant, and whether its token is for one repository only.
func (g grant) narrow() (permissions *gh.InstallationPermissions, single bool) {
	readOnly, readWrite := "read", "write"
	switch g {
	case grantRunner:
		return &gh.InstallationPermissions{Administration: &readWrite, Metadata: &readOnly}, true
	case grantReport:
		return &gh.InstallationPermissions{Checks: &readWrite, Metadata: &readOnly}, true
	case grantCancel:
		return &gh.InstallationPermissions{Actions: &readWrite, Metadata: &readOnly}, true
	default:
		return &gh.InstallationPermissions{Actions: &readOnly, Metadata: &readOnly}, false
	}
}

// credential is a token and the account whose limits it counts against.
type credential struct {
	token   string
	account int64
	key     tokenKey
}

// renew gives up a token that GitHub refused, and reports whether there may be another. An installation's token is fetched
// anew. The App's own is made anew, perhaps with a key that has been put in place of the former one, and a personal token
// may have been replaced.
func (c *Client) renew(ctx context.Context, cred credential) bool {
	switch {
	case c.app == nil || cred.account == 0:
		return c.personal != nil && c.personal.Refresh(ctx, []string{cred.token})
	case cred.account == appAccount:
		c.app.refresh(ctx)
	default:
		c.tokens.drop(cred)
	}
	return true
}

// personalToken returns the personal access token, nothing without one.
func (c *Client) personalToken() string {
	if c.personal == nil {
		return ""
	}
	values := c.personal.Values()
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// credential returns the token for a call, fetching one if need be.
func (c *Client) credential(ctx context.Context, k call) (credential, error) {
	if k.grant == grantApp {
		if c.app == nil {
			return credential{}, errors.New("this needs a GitHub App; only a personal token is configured")
		}
		token, err := c.app.token()
		return credential{token: token, account: appAccount}, err
	}
	installation, err := c.serving(ctx, k.repo)
	if err != nil {
		return credential{}, err
	}
	if installation == 0 {
		return credential{token: c.personalToken()}, nil
	}
	return c.tokens.get(ctx, keyOf(installation, k), func(ctx context.Context) (string, time.Time, error) {
		return c.installationToken(ctx, installation, k)
	})
}

// installationToken asks for a token that can do what the call needs and no more.
func (c *Client) installationToken(ctx context.Context, installation int64, k call) (string, time.Time, error) {
	permissions, single := k.grant.narrow()
	options := &gh.InstallationTokenOptions{Permissions: permissions}
	switch {
	case !single:
	case k.repo.ID != 0:
		options.RepositoryIDs = []int64{k.repo.ID} // survives a rename
	default:
		options.Repositories = []string{k.repo.Name}
	}
	ask := call{doing: "asking for an installation token", grant: grantApp, lane: laneOthers, points: pointsOfWrite, deadline: tokenTimeout}
	var token *gh.InstallationToken
	got, err := c.invoke(ctx, ask, func(ctx context.Context) (resp *gh.Response, err error) {
		token, resp, err = c.api.Apps.CreateInstallationToken(ctx, installation, options)
		return resp, err
	})
	if err != nil {
		return "", time.Time{}, err
	}
	if got.status == http.StatusNotFound {
		c.installed.forget(k.repo) // removed and installed again, the App has another installation
	}
	if got.status != http.StatusCreated {
		return "", time.Time{}, ask.fail(got)
	}
	if token.GetToken() == "" || token.GetExpiresAt().IsZero() {
		return "", time.Time{}, &StatusError{Doing: ask.doing, Status: got.status, Message: "the answer has no token or no end"}
	}
	return token.GetToken(), onOurClock(token.GetExpiresAt().Time, got.header, c.clock.Now()), nil
}

// tokenKey names a token by what it may be used for.
type tokenKey struct {
	installation int64
	grant        grant
	repository   string // empty for all
}

func keyOf(installation int64, k call) tokenKey {
	key := tokenKey{installation: installation, grant: k.grant}
	if _, single := k.grant.narrow(); !single {
		return key
	}
	if key.repository = k.repo.FullName(); k.repo.ID != 0 {
		key.repository = strconv.FormatInt(k.repo.ID, 10)
	}
	return key
}

// tokenCache keeps tokens until shortly before their end. Callers that need the same token wait for one fetch.
type tokenCache struct {
	clock seam.Clock

	mu      sync.Mutex
	entries map[tokenKey]*tokenEntry
}

type tokenEntry struct {
	turn  chan struct{} // held by the one who fetches
	token string        // guarded by tokenCache.mu, as is end
	end   time.Time
}

func newTokenCache(clock seam.Clock) *tokenCache {
	return &tokenCache{clock: clock, entries: map[tokenKey]*tokenEntry{}}
}

func (t *tokenCache) get(ctx context.Context, key tokenKey, fetch func(context.Context) (string, time.Time, error)) (credential, error) {
	entry := t.entry(key)
	if cred, ok := t.fresh(key, entry); ok {
		return cred, nil
	}
	select {
	case entry.turn <- struct{}{}:
		defer func() { <-entry.turn }()
	case <-ctx.Done():
		return credential{}, fmt.Errorf("waiting for an installation token: %w", ctx.Err())
	}
	if cred, ok := t.fresh(key, entry); ok {
		return cred, nil // fetched by whoever had the turn before
	}
	token, end, err := fetch(ctx)
	if err != nil {
		return credential{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	entry.token, entry.end = token, end
	return credential{token: token, account: key.installation, key: key}, nil
}

// entry finds or makes the key's place. Places of tokens that have ended are given up once there are many.
func (t *tokenCache) entry(key tokenKey) *tokenEntry {
	const many = 1000
	t.mu.Lock()
	defer t.mu.Unlock()
	if entry, ok := t.entries[key]; ok {
		return entry
	}
	if len(t.entries) >= many {
		now := t.clock.Now()
		for k, e := range t.entries {
			if now.After(e.end) && len(e.turn) == 0 {
				delete(t.entries, k)
			}
		}
	}
	entry := &tokenEntry{turn: make(chan struct{}, 1)}
	t.entries[key] = entry
	return entry
}

func (t *tokenCache) fresh(key tokenKey, entry *tokenEntry) (credential, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if entry.token == "" || !t.clock.Now().Before(entry.end.Add(-renewBefore)) {
		return credential{}, false
	}
	return credential{token: entry.token, account: key.installation, key: key}, true
}

// drop forgets a token that GitHub refused, unless it has been replaced meanwhile.
func (t *tokenCache) drop(cred credential) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if entry, ok := t.entries[cred.key]; ok && entry.token == cred.token {
		entry.token = ""
	}
}
