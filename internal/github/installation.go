package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// ErrNotInstalled says that the App is not installed for the repository, or may not see it.
var ErrNotInstalled = errors.New("the GitHub App is not installed for this repository: install it from the App's public page, or add the repository to its installation")

// Installation is one account's installation of the App.
type Installation struct {
	ID          int64
	Account     string // login of the organisation or user
	All         bool   // all repositories of the account, not a selection
	Suspended   bool
	Permissions map[string]string // "actions": "write"
}

// AppPage is the App's own page at GitHub, for browsers.
func (c *Client) AppPage(ctx context.Context) (string, error) {
	k := call{doing: "asking for the App", grant: grantApp, lane: laneOthers, points: pointsOfRead, deadline: readDeadline}
	var app *gh.App
	_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		app, resp, err = c.api.Apps.Get(ctx, "")
		return resp, err
	})
	if err != nil {
		return "", err
	}
	return app.GetHTMLURL(), nil
}

// Installations lists the App's installations.
func (c *Client) Installations(ctx context.Context) ([]Installation, error) {
	var found []Installation
	k := call{doing: "listing the App's installations", grant: grantApp, lane: laneOthers, points: pointsOfRead, deadline: readDeadline}
	err := c.pages(func(o gh.ListOptions) (int, error) {
		next := 0
		var page []*gh.Installation
		_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
			page, resp, err = c.api.Apps.ListInstallations(ctx, &o)
			return nextPage(&next, resp), err
		})
		for _, i := range page {
			found = append(found, Installation{
				ID: i.GetID(), Account: i.GetAccount().GetLogin(), All: i.GetRepositorySelection() == "all",
				Suspended: i.SuspendedAt != nil, Permissions: permissionsOf(i.GetPermissions()),
			})
		}
		return next, err
	})
	return found, err
}

// InstallationRepositories lists the repositories that an installation may see.
func (c *Client) InstallationRepositories(ctx context.Context, installation int64) ([]fleet.Repository, error) {
	var found []fleet.Repository
	k := read("listing the installation's repositories", fleet.Repository{Installation: installation}, grantRead, laneOthers)
	err := c.pages(func(o gh.ListOptions) (int, error) {
		next := 0
		var page *gh.ListRepositories
		_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
			page, resp, err = c.api.Apps.ListRepos(ctx, &o)
			return nextPage(&next, resp), err
		})
		if page != nil {
			for _, r := range page.Repositories {
				found = append(found, c.repositoryOf(r, installation))
			}
		}
		return next, err
	})
	return found, err
}

// serving returns the installation that serves a repository, 0 where the personal token does.
func (c *Client) serving(ctx context.Context, repo fleet.Repository) (int64, error) {
	if c.app == nil {
		return 0, nil
	}
	installation, err := c.installation(ctx, repo)
	if errors.Is(err, ErrNotInstalled) && c.personal != nil {
		return 0, nil
	}
	return installation, err
}

// installation returns the id of the installation that serves a repository.
func (c *Client) installation(ctx context.Context, repo fleet.Repository) (int64, error) {
	if repo.Installation != 0 {
		return repo.Installation, nil
	}
	if err := checkNames(repo); err != nil {
		return 0, err
	}
	notInstalled := fmt.Errorf("%s: %w", repo.FullName(), ErrNotInstalled)
	if id, ok := c.installed.get(repo, c.clock.Now()); ok && id == 0 {
		return 0, notInstalled
	} else if ok {
		return id, nil
	}
	k := call{
		doing: "looking up the App's installation for " + repo.FullName(), repo: repo, grant: grantApp, lane: laneOthers,
		points: pointsOfRead, deadline: tokenTimeout,
	}
	var found *gh.Installation
	got, err := c.invoke(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		found, resp, err = c.api.Apps.GetRepositoryInstallation(ctx, repo.Owner, repo.Name)
		return resp, err
	})
	switch {
	case err != nil:
		return 0, err
	case got.status == http.StatusNotFound:
		c.installed.put(repo, 0, c.clock.Now())
		return 0, notInstalled
	case got.status != http.StatusOK:
		return 0, k.fail(got)
	case found.GetID() == 0:
		return 0, &StatusError{Doing: k.doing, Status: got.status, Message: "the answer has no id"}
	}
	c.installed.put(repo, found.GetID(), c.clock.Now())
	return found.GetID(), nil
}

// How long it is remembered that the App is, or is not, installed for a repository. One that was just added should not
// have to wait.
const (
	installedLasts    = time.Hour
	notInstalledLasts = 30 * time.Second
)

// installationCache remembers which installation serves a repository.
type installationCache struct {
	mu     sync.Mutex
	byName map[string]servedBy
}

type servedBy struct {
	id    int64 // 0 when none does
	until time.Time
}

func newInstallationCache() *installationCache {
	return &installationCache{byName: map[string]servedBy{}}
}

func (i *installationCache) get(repo fleet.Repository, now time.Time) (int64, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	known, ok := i.byName[nameKey(repo)]
	return known.id, ok && now.Before(known.until)
}

func (i *installationCache) put(repo fleet.Repository, id int64, now time.Time) {
	lasts := installedLasts
	if id == 0 {
		lasts = notInstalledLasts
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.byName[nameKey(repo)] = servedBy{id: id, until: now.Add(lasts)}
}

func (i *installationCache) forget(repo fleet.Repository) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.byName, nameKey(repo))
}

// nameKey folds case, as GitHub does in names.
func nameKey(repo fleet.Repository) string { return strings.ToLower(repo.FullName()) }

// permissionsOf flattens the permissions that this product uses.
func permissionsOf(p *gh.InstallationPermissions) map[string]string {
	all := map[string]string{
		"actions": p.GetActions(), "administration": p.GetAdministration(), "checks": p.GetChecks(),
		"contents": p.GetContents(), "metadata": p.GetMetadata(), "statuses": p.GetStatuses(),
	}
	for name, level := range all {
		if level == "" {
			delete(all, name)
		}
	}
	return all
}
