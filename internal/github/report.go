package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
)

// checkName is how the check run or the status is called on the commit.
const checkName = "runs-fleet"

// Limits of GitHub on texts (GitHub docs, "Create a check run" and "Create a commit status").
const (
	longestDescription = 140
	longestSummary     = 65_535
	longestTitle       = 255
)

var commitSHA = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Report puts a finding on a commit. With an App it is a check run per (commit, title), brought up to date when the same
// finding is reported again; with a personal token, which may not write check runs, it is a commit status, of which a
// commit shows the newest.
func (c *Client) Report(ctx context.Context, r controller.CommitReport) error {
	if err := checkNames(r.Repository); err != nil {
		return fmt.Errorf("reporting on a commit: %w", err)
	}
	if !commitSHA.MatchString(r.SHA) {
		return fmt.Errorf("reporting on a commit of %s: %q is not a commit's full id", r.Repository.FullName(), r.SHA)
	}
	installation, err := c.serving(ctx, r.Repository)
	switch {
	case err != nil:
		return fmt.Errorf("reporting on a commit: %w", err)
	case installation == 0:
		return c.reportStatus(ctx, r)
	default:
		return c.reportCheck(ctx, r)
	}
}

func (c *Client) reportCheck(ctx context.Context, r controller.CommitReport) error {
	id, err := c.findCheck(ctx, r)
	if isRefused(err) {
		c.fellBack(controller.FallbackCheckRun)
		c.log.Warn("earlier check runs cannot be listed, writing another", "error", err)
		id, err = 0, nil
	}
	if err != nil {
		return err
	}
	if id == 0 {
		return c.writeCheck(ctx, r, 0)
	}
	if err = c.writeCheck(ctx, r, id); !isRefused(err) {
		return err
	}
	c.fellBack(controller.FallbackCheckRun)
	c.log.Warn("check run cannot be brought up to date, writing another", "check_run", id, "error", err)
	return c.writeCheck(ctx, r, 0)
}

func isRefused(err error) bool {
	var refused *controller.RefusedError
	return errors.As(err, &refused)
}

// writeCheck creates a check run, or updates the one of this id.
func (c *Client) writeCheck(ctx context.Context, r controller.CommitReport, id int64) error {
	conclusion, status, name := "neutral", "completed", externalID(r)
	if r.Failed {
		conclusion = "failure"
	}
	title, summary := truncate(r.Title, longestTitle), truncate(r.Summary, longestSummary)
	if summary == "" {
		summary = title
	}
	output := &gh.CheckRunOutput{Title: &title, Summary: &summary}
	k := write("writing a check run on "+r.Repository.FullName()+"@"+r.SHA, r.Repository, grantReport, laneReports)
	var written *gh.CheckRun
	_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		if id != 0 {
			written, resp, err = c.api.Checks.UpdateCheckRun(ctx, r.Repository.Owner, r.Repository.Name, id, gh.UpdateCheckRunOptions{
				Name: checkName, DetailsURL: webAddress(r.URL), ExternalID: &name, Status: &status, Conclusion: &conclusion, Output: output,
			})
			return resp, err
		}
		written, resp, err = c.api.Checks.CreateCheckRun(ctx, r.Repository.Owner, r.Repository.Name, gh.CreateCheckRunOptions{
			Name: checkName, HeadSHA: r.SHA, DetailsURL: webAddress(r.URL), ExternalID: &name, Status: &status, Conclusion: &conclusion,
			Output: output,
		})
		return resp, err
	})
	if err != nil {
		return err
	}
	c.checks.put(checkKey(r), written.GetID())
	return nil
}

// findCheck returns the check run of an earlier report of the same finding, 0 if there is none. GitHub is asked when this
// process does not remember, so that a restart or another replica adds no second one.
func (c *Client) findCheck(ctx context.Context, r controller.CommitReport) (int64, error) {
	if id, ok := c.checks.get(checkKey(r)); ok {
		return id, nil
	}
	k := read("looking for a check run on "+r.Repository.FullName()+"@"+r.SHA, r.Repository, grantReport, laneReports)
	name, all, want := checkName, "all", externalID(r)
	var found int64
	err := c.pages(func(o gh.ListOptions) (int, error) {
		next := 0
		var page *gh.ListCheckRunsResults
		_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
			page, resp, err = c.api.Checks.ListCheckRunsForRef(ctx, r.Repository.Owner, r.Repository.Name, r.SHA,
				&gh.ListCheckRunsOptions{CheckName: &name, Filter: &all, ListOptions: o})
			return nextPage(&next, resp), err
		})
		if err != nil {
			return 0, err
		}
		for _, run := range page.CheckRuns {
			if run.GetExternalID() == want {
				found = max(found, run.GetID())
			}
		}
		return next, nil
	})
	return found, err
}

func (c *Client) reportStatus(ctx context.Context, r controller.CommitReport) error {
	state, name := "success", checkName
	if r.Failed {
		state = "failure"
	}
	description := truncate(strings.Join(strings.Fields(r.Title), " "), longestDescription)
	k := write("writing a status on "+r.Repository.FullName()+"@"+r.SHA, r.Repository, grantReport, laneReports)
	_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		_, resp, err = c.api.Repositories.CreateStatus(ctx, r.Repository.Owner, r.Repository.Name, r.SHA,
			gh.RepoStatus{State: &state, TargetURL: webAddress(r.URL), Description: &description, Context: &name})
		return resp, err
	})
	return err
}

// webAddress is nil for what GitHub would refuse as a link.
func webAddress(url string) *string {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return &url
	}
	return nil
}

// externalID marks a check run as that of one finding.
func externalID(r controller.CommitReport) string {
	const enough = 16 // bytes
	sum := sha256.Sum256([]byte(r.Title))
	return checkName + ":" + hex.EncodeToString(sum[:enough])
}

func checkKey(r controller.CommitReport) string {
	return nameKey(r.Repository) + "@" + r.SHA + " " + externalID(r)
}

// checkCache remembers the check runs that this process wrote lately.
type checkCache struct {
	mu  sync.Mutex
	ids map[string]int64
}

func newCheckCache() *checkCache { return &checkCache{ids: map[string]int64{}} }

func (c *checkCache) get(key string) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.ids[key]
	return id, ok
}

// put forgets everything once there is much: GitHub can be asked again.
func (c *checkCache) put(key string, id int64) {
	const many = 10_000
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) >= many {
		clear(c.ids)
	}
	c.ids[key] = id
}
