// Package github is the narrow client that the control plane needs of GitHub: it registers and removes runners, asks what
// is true of jobs and runs, and puts findings on commits. It authenticates as a GitHub App or with a personal token, never
// repeats a call that may have had its effect, and stays within GitHub's limits per installation.
package github

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// DefaultBaseURL is the API of github.com. A GitHub Enterprise Server has https://HOST/api/v3.
const DefaultBaseURL = "https://api.github.com/"

// AppCredentials identify a GitHub App.
type AppCredentials struct {
	ID            string // the App's id or its client id
	PrivateKeyPEM []byte // PKCS #1 or PKCS #8, as downloaded from the App's settings
	// PrivateKey is in place of PrivateKeyPEM when the key may be replaced while the server runs.
	PrivateKey Rotating
}

// Options of a Client. Clock and Random are required, and one of App and Token; with both, the App is used wherever it is
// installed for the repository.
type Options struct {
	BaseURL   string            // DefaultBaseURL if empty
	Transport http.RoundTripper // NewTransport() if nil; it is shared and never changed
	UserAgent string            // "runs-fleet" if empty
	Clock     seam.Clock
	Random    seam.Random
	Logger    *slog.Logger // discards if nil
	App       *AppCredentials
	Token     string                    // a personal access token, the fallback without an App
	Tokens    Rotating                  // in place of Token, when it may be replaced while the server runs
	Mints     MintSource                // a window of this process if nil; replicas share one
	FellBack  func(controller.Fallback) // told of every fallback that is taken; optional
}

// Client calls GitHub. It is safe for concurrent use, and one process needs one only: its caches and limits belong
// together (two clients would mint two tokens and count half of the calls each).
type Client struct {
	api       *gh.Client
	plain     *http.Client // without credentials, for signed addresses that GitHub hands out
	base      *url.URL
	host      string
	clock     seam.Clock
	random    seam.Random
	log       *slog.Logger
	app       *appSigner // nil without an App
	personal  Rotating   // nil without a personal token
	tokens    *tokenCache
	installed *installationCache
	accounts  *accounts
	budget    *Budget
	runs      *runCache
	answers   *remembered
	seen      *visibility
	checks    *checkCache
	fellBack  func(controller.Fallback)
}

var _ controller.GitHub = (*Client)(nil)

// New checks the options and returns a client. It makes no call.
func New(o Options) (*Client, error) {
	if o.Clock == nil || o.Random == nil {
		return nil, errors.New("a GitHub client needs a clock and a source of randomness")
	}
	if o.Token = strings.TrimSpace(o.Token); o.Tokens == nil && o.Token != "" {
		o.Tokens = fixed(o.Token)
	}
	if o.App == nil && o.Tokens == nil {
		return nil, errors.New("no GitHub credentials: configure a GitHub App (id and private key) or a personal access token")
	}
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	c := &Client{
		base: base, host: hostOf(base), clock: o.Clock, random: o.Random, log: o.Logger, personal: o.Tokens,
		tokens: newTokenCache(o.Clock), installed: newInstallationCache(), accounts: newAccounts(o.Clock),
		runs: newRunCache(), answers: newRemembered(), seen: newVisibility(), checks: newCheckCache(),
		fellBack: o.FellBack,
	}
	if c.fellBack == nil {
		c.fellBack = func(controller.Fallback) {}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if o.App != nil {
		if c.app, err = newAppSigner(*o.App, o.Clock, o.Random, c.log); err != nil {
			return nil, err
		}
	}
	mints := o.Mints
	if mints == nil {
		mints = NewWindowSource(o.Clock)
	}
	c.budget = NewBudget(o.Clock, mints)
	return c, c.connect(o)
}

// connect makes the two HTTP clients over the one transport.
func (c *Client) connect(o Options) error {
	transport := o.Transport
	if transport == nil {
		transport = NewTransport()
	}
	agent := o.UserAgent
	if agent == "" {
		agent = "runs-fleet"
	}
	base := c.base.String()
	authorized := &http.Client{
		Transport:     authorizer{base: c.base, next: transport},
		CheckRedirect: c.sameOriginOnly,
	}
	var err error
	// The library's own limit checks read the system clock and know no installations, so account does them.
	c.api, err = gh.NewClient(gh.WithHTTPClient(authorized), gh.WithURLs(&base, &base), gh.WithUserAgent(agent),
		gh.WithDisableRateLimitCheck())
	if err != nil {
		return fmt.Errorf("making the GitHub client for %s: %w", base, err)
	}
	c.plain = &http.Client{Transport: transport}
	return nil
}

// Host is the GitHub host that every Repository of this client carries: github.com, or the Enterprise Server's.
func (c *Client) Host() string { return c.host }
