package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// createdApp is an App that GitHub has just created, with its credentials.
type createdApp struct {
	ID            int64           `json:"id"`
	Slug          string          `json:"slug"`
	Page          string          `json:"html_url"`
	PrivateKey    settings.Secret `json:"pem"`
	WebhookSecret settings.Secret `json:"webhook_secret"`
	Owner         struct {
		Login string `json:"login"`
	} `json:"owner"`
}

func (a createdApp) id() string { return strconv.FormatInt(a.ID, 10) }

// conversionTimeout is longer than GitHub itself takes (10 s), since the answer comes only once.
const conversionTimeout = 30 * time.Second

// convert exchanges the code of a created App for its credentials. GitHub answers once, and within an hour.
func (r *run) convert(ctx context.Context, code string) (createdApp, error) {
	ctx, cancel := r.Clock.WithTimeout(ctx, conversionTimeout)
	defer cancel()
	address := strings.TrimRight(r.GitHubURL, "/") + "/app-manifests/" + code + "/conversions"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return createdApp{}, errors.New("asking GitHub for the App's credentials: --github-url is no address")
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", r.UserAgent)
	resp, err := (&http.Client{Transport: r.transport()}).Do(req)
	if err != nil {
		// The address has the code in it, which is worth the key.
		return createdApp{}, fmt.Errorf("asking GitHub for the App's credentials: %s; run this again, and remove the App that was just made on GitHub's page",
			strings.ReplaceAll(err.Error(), code, "[code]"))
	}
	defer func() { _ = resp.Body.Close() }()
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return createdApp{}, fmt.Errorf("reading GitHub's answer with the App's credentials: %w; run this again, and remove the App that was just made on GitHub's page", err)
	}
	switch resp.StatusCode {
	case http.StatusCreated:
	case http.StatusNotFound:
		return createdApp{}, errors.New("GitHub does not know this code: it can be used once, within an hour; run this again, and remove the App that was just made on GitHub's page")
	default:
		return createdApp{}, fmt.Errorf("asking GitHub for the App's credentials: GitHub answered %d; try again, and see https://www.githubstatus.com", resp.StatusCode)
	}
	var app createdApp
	if err := json.Unmarshal(body, &app); err != nil || app.ID == 0 || app.PrivateKey == "" {
		return createdApp{}, errors.New("GitHub's answer has no App with a key in it: is --github-url the address of GitHub's API?")
	}
	return app, nil
}

func (r *run) transport() http.RoundTripper {
	if r.Transport == nil {
		r.Transport = github.NewTransport()
	}
	return r.Transport
}
