package setup

import (
	"net/url"
	"strings"
)

// Permission is one that the fleet needs of GitHub.
type Permission struct {
	Key   string // as the API names it
	Name  string // as GitHub's pages name it
	Level string // "read" or "write"
	Why   string
	// Token says whether a personal access token can have it and use it.
	Token bool
}

// Permissions are the permissions of the App, all of repositories, in the order of GitHub's page.
func Permissions() []Permission {
	return []Permission{
		{Key: "actions", Name: "Actions", Level: "write", Token: true, Why: "see runs and jobs, and cancel a run that cannot start"},
		{Key: "administration", Name: "Administration", Level: "write", Token: true, Why: "register and remove runners of a repository"},
		{Key: "checks", Name: "Checks", Level: "write", Why: "tell the author on the commit what is wrong with a label, with its place"},
		{Key: "statuses", Name: "Commit statuses", Level: "write", Token: true, Why: "tell the author the same in one line, where checks cannot be used"},
		{Key: "contents", Name: "Contents", Level: "read", Why: "read the fleet's configuration from its repository"},
		{Key: "metadata", Name: "Metadata", Level: "read", Token: true, Why: "see repositories; GitHub grants it with any other"},
	}
}

// Events are the webhook events that the App subscribes to.
func Events() []string { return []string{"push", "workflow_job", "workflow_run"} }

// tokenPage is GitHub's page for a new fine-grained token, filled in as far as an address can do it.
func tokenPage(web, owner string) string {
	q := url.Values{"name": {"runs-fleet"}, "description": {"Registers ephemeral runners"}, "target_name": {owner}}
	for _, p := range Permissions() {
		if p.Token && p.Key != "metadata" {
			q.Set(p.Key, p.Level)
		}
	}
	return web + "/settings/personal-access-tokens/new?" + q.Encode()
}

// tokenPermissions lists what a token needs, for a sentence.
func tokenPermissions() string {
	var names []string
	for _, p := range Permissions() {
		if p.Token && p.Key != "metadata" {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
