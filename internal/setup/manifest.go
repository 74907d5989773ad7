package setup

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// homepage is the public address that GitHub shows of an App.
const homepage = "https://github.com/runs-fleet/runs-fleet"

// noWebhook stands in the manifest of an App without a webhook: GitHub wants an address even of one that is switched off.
const noWebhook = "https://example.com/no-webhook"

// manifest is what GitHub is asked to create (GitHub docs, "Registering a GitHub App from a manifest").
type manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Hook        hook              `json:"hook_attributes"`
	RedirectURL string            `json:"redirect_url"`
	Description string            `json:"description"`
	Public      bool              `json:"public"`
	Events      []string          `json:"default_events"`
	Permissions map[string]string `json:"default_permissions"`
}

type hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// newManifest describes the App. Names are unique among all Apps of GitHub, and at most 34 characters long.
func newManifest(suffix, redirect, external string) manifest {
	m := manifest{
		Name: "runs-fleet-" + suffix, URL: homepage, RedirectURL: redirect, Hook: hook{URL: noWebhook}, Events: Events(),
		Description: "Turns queued GitHub Actions jobs into ephemeral self-hosted runners.", Permissions: map[string]string{},
	}
	for _, p := range Permissions() {
		m.Permissions[p.Key] = p.Level
	}
	if external != "" {
		m.Hook = hook{URL: strings.TrimRight(external, "/") + "/webhook", Active: true}
	}
	return m
}

func (m manifest) text() (string, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("writing the App's manifest: %w", err)
	}
	return string(b), nil
}

// checkExternal refuses an address that GitHub cannot deliver webhooks to.
func checkExternal(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http", strings.Trim(u.Path, "/") != "":
		return &settings.Error{Where: "--url", What: fmt.Sprintf("%q is no address: write https://HOST, without a path", text)}
	case settings.Loopback(u.Hostname()):
		return &settings.Error{Where: "--url", What: text + " is an address of this machine, which GitHub cannot reach: " +
			"give the public address, or leave --url out to look for jobs without webhooks"}
	}
	return nil
}

// createPage is where GitHub takes a manifest from a browser.
func createPage(web, organization, state string) string {
	path := "/settings/apps/new"
	if organization != "" {
		path = "/organizations/" + url.PathEscape(organization) + path
	}
	return web + path + "?" + url.Values{"state": {state}}.Encode()
}
