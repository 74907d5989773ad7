package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Finding is one thing that Check looked at.
type Finding struct {
	Name   string `json:"name"` // "reachable", "clock", "credentials", "permissions", "events", "repository owner/name"
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`           // what was found
	Remedy string `json:"remedy,omitempty"` // what to do about it, when not OK
}

// clockTolerance is what GitHub forgives of an App's clock, less some room (its iat may not lie in the future, and ours is
// backdated by a minute).
const clockTolerance = 50 * time.Second

// required are the repository permissions without which a feature does not work. Write includes read.
func required() []struct{ name, level, why string } {
	return []struct{ name, level, why string }{
		{"actions", "write", "to see jobs and runs, and to cancel a run that cannot start"},
		{"administration", "write", "to register and remove runners of a repository"},
		{"checks", "write", "to report label errors on the commit"},
		{"metadata", "read", "to see repositories"},
	}
}

// Check finds out whether GitHub can be reached, whether the credentials work and suffice, and whether each of the
// repositories can be served. It changes nothing. Problems are findings; it has no error of its own.
func (c *Client) Check(ctx context.Context, repositories ...fleet.Repository) []Finding {
	findings, reached := c.checkReach(ctx)
	if !reached {
		return findings
	}
	if c.app != nil {
		findings = append(findings, c.checkApp(ctx)...)
	} else {
		findings = append(findings, c.checkPersonal(ctx))
	}
	for _, repo := range repositories {
		findings = append(findings, c.checkRepository(ctx, repo))
	}
	return findings
}

// checkReach makes a call without credentials, so that only the way to GitHub is tested, and compares the clocks.
func (c *Client) checkReach(ctx context.Context) ([]Finding, bool) {
	ctx, cancel := c.clock.WithTimeout(ctx, readDeadline)
	defer cancel()
	reach := Finding{Name: "reachable", Detail: c.base.String()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("rate_limit").String(), nil)
	if err != nil {
		reach.Detail, reach.Remedy = err.Error(), "correct the address of GitHub's API"
		return []Finding{reach}, false
	}
	before := c.clock.Now()
	resp, err := c.plain.Do(req)
	if err != nil {
		reach.Detail = c.base.String() + ": " + withoutAddress(err).Error()
		reach.Remedy = "open the way to this address on port 443: name resolution, firewall, proxy (HTTPS_PROXY)"
		return []Finding{reach}, false
	}
	_ = resp.Body.Close()
	reach.OK = true
	findings := []Finding{reach}
	if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		findings = append(findings, clockFinding(before, c.clock.Now(), theirs))
	}
	return findings, true
}

// clockFinding compares GitHub's time with the middle of the call on our clock.
func clockFinding(before, after, theirs time.Time) Finding {
	skew := before.Add(after.Sub(before) / 2).Sub(theirs).Round(time.Second)
	f := Finding{Name: "clock", OK: skew.Abs() <= clockTolerance, Detail: fmt.Sprintf("%s ahead of GitHub's", skew)}
	if skew < 0 {
		f.Detail = fmt.Sprintf("%s behind GitHub's", -skew)
	}
	if !f.OK {
		f.Remedy = "set this machine's clock (timedatectl set-ntp true): GitHub refuses an App's token from a wrong clock"
	}
	return f
}

func (c *Client) checkApp(ctx context.Context) []Finding {
	k := call{doing: "asking for the App", grant: grantApp, lane: laneOthers, points: pointsOfRead, deadline: readDeadline}
	var app *gh.App
	_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		app, resp, err = c.api.Apps.Get(ctx, "")
		return resp, err
	})
	if err != nil {
		return []Finding{{
			Name: "credentials", Detail: err.Error(),
			Remedy: "compare the App's id and private key with its settings page; a deleted key has to be replaced",
		}}
	}
	findings := []Finding{
		{Name: "credentials", OK: true, Detail: fmt.Sprintf("GitHub App %s (%s)", app.GetName(), app.GetSlug())},
		permissionFinding("permissions", permissionsOf(app.GetPermissions()), "on the App's page, Permissions & events"),
		eventFinding(app.Events),
	}
	installations, err := c.Installations(ctx)
	if err != nil {
		return append(findings, Finding{Name: "installations", Detail: err.Error(), Remedy: "try again; see https://www.githubstatus.com"})
	}
	if len(installations) == 0 {
		return append(findings, Finding{
			Name: "installations", Detail: "the App is installed nowhere",
			Remedy: "install it from its public page for the organisation or user whose jobs shall run here",
		})
	}
	for _, i := range installations {
		findings = append(findings, installationFinding(i))
	}
	return findings
}

func installationFinding(i Installation) Finding {
	name := "installation " + i.Account
	if i.Suspended {
		return Finding{Name: name, Detail: "suspended", Remedy: "unsuspend it under the account's settings, GitHub Apps"}
	}
	return permissionFinding(name, i.Permissions, "an owner of "+i.Account+" has to accept the App's new permissions")
}

func permissionFinding(name string, have map[string]string, where string) Finding {
	f := Finding{Name: name, OK: true, Detail: "all permissions granted"}
	for _, need := range required() {
		if level := have[need.name]; level == "write" || level == need.level || level == "admin" {
			continue
		}
		if f.OK {
			f.OK, f.Detail, f.Remedy = false, "missing", "grant "
		} else {
			f.Detail, f.Remedy = f.Detail+";", f.Remedy+", "
		}
		f.Detail += fmt.Sprintf(" %s: %s, needed %s", need.name, need.level, need.why)
		f.Remedy += need.name + ": " + need.level
	}
	if !f.OK {
		f.Remedy += " (" + where + ")"
	}
	return f
}

func eventFinding(events []string) Finding {
	if slices.Contains(events, "workflow_job") {
		return Finding{Name: "events", OK: true, Detail: "subscribed to workflow_job"}
	}
	return Finding{
		Name: "events", Detail: "the App is not subscribed to workflow_job, so that only polling finds jobs",
		Remedy: "on the App's page, Permissions & events, tick Workflow job",
	}
}

// checkPersonal asks for the limits, which any valid token may.
func (c *Client) checkPersonal(ctx context.Context) Finding {
	f := Finding{Name: "credentials"}
	limits, err := c.RateLimit(ctx, fleet.Repository{})
	if err != nil {
		f.Detail = err.Error()
		f.Remedy = "make a new personal access token: fine-grained with Administration, Actions and Commit statuses: write, or classic with scope repo"
		return f
	}
	f.OK, f.Detail = true, "personal token accepted"
	for _, l := range limits {
		if l.Resource == "core" {
			f.Detail += fmt.Sprintf("; %d of %d calls left this hour", l.Remaining, l.Limit)
		}
	}
	return f
}

// checkRepository lists the repository's runners and runs, which needs the permissions that registering and finding jobs need,
// at their lower level.
func (c *Client) checkRepository(ctx context.Context, repo fleet.Repository) Finding {
	f := Finding{Name: "repository " + repo.FullName()}
	found, err := c.Repository(ctx, repo.Owner, repo.Name)
	if err == nil {
		_, err = c.Runners(ctx, found)
	}
	if err == nil {
		err = c.canListRuns(ctx, found)
	}
	var refused *controller.RefusedError
	switch {
	case err == nil:
		f.OK, f.Detail = true, "its runners and runs can be listed"
		if !found.Private {
			f.Detail += "; it is public, and refused unless allow_public names it"
		}
		return f
	case errors.Is(err, ErrNotInstalled):
		f.Remedy = "add the repository to the App's installation"
	case errors.As(err, &refused) && c.app != nil:
		f.Remedy = "grant the App administration: write and actions: write, and accept them for this installation"
	case errors.As(err, &refused):
		f.Remedy = "the token's owner has to administer the repository, and the token has to include it, with Administration and Actions: write (classic: the scope repo)"
	default:
		f.Remedy = "try again; see https://www.githubstatus.com"
	}
	f.Detail = err.Error()
	return f
}

// canListRuns asks for one run, whatever its state.
func (c *Client) canListRuns(ctx context.Context, repo fleet.Repository) error {
	k := read("listing the runs of "+repo.FullName(), repo, grantRead, laneOthers)
	_, err := c.get(ctx, k, func(ctx context.Context) (*gh.Response, error) {
		_, resp, err := c.api.Actions.ListRepositoryWorkflowRuns(ctx, repo.Owner, repo.Name,
			&gh.ListWorkflowRunsOptions{ListOptions: gh.ListOptions{PerPage: 1}})
		return resp, err
	})
	return err
}
