package github

import (
	"context"
	"fmt"
	"net/http"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// DeleteRunner removes a registration. GitHub refuses it with 422 while the runner works; neither of the other answers
// proves that it does not (rule 6.2).
func (c *Client) DeleteRunner(ctx context.Context, repository fleet.Repository, id int64) (controller.Deletion, error) {
	k := write(fmt.Sprintf("deleting runner %d of %s", id, repository.FullName()), repository, grantRunner, laneRunners)
	if err := checkNames(repository); err != nil {
		return 0, fmt.Errorf("%s: %w", k.doing, err)
	}
	got, err := c.invoke(ctx, k, func(ctx context.Context) (*gh.Response, error) {
		return c.api.Actions.RemoveRunner(ctx, repository.Owner, repository.Name, id)
	})
	if err != nil {
		return 0, err
	}
	switch got.status {
	case http.StatusNoContent:
		return controller.Deleted, nil
	case http.StatusNotFound:
		if err = c.confirmAbsent(ctx, k); err != nil {
			return 0, err
		}
		return controller.Absent, nil
	case http.StatusUnprocessableEntity:
		return controller.Busy, nil
	default:
		return 0, k.fail(got)
	}
}

// FindRunner looks a registration up by its exact name.
func (c *Client) FindRunner(ctx context.Context, repository fleet.Repository, name string) (controller.RunnerTruth, error) {
	k := read("looking up runner "+name, repository, grantRunner, laneRunners)
	// An Enterprise Server older than the name parameter lists all runners: what is found is compared again.
	found, err := c.listRunners(ctx, k, &name)
	if err != nil {
		return controller.RunnerTruth{}, err
	}
	for _, r := range found {
		if r.Name == name {
			return r, nil
		}
	}
	return controller.RunnerTruth{}, fmt.Errorf("%s: %w", k.doing, controller.ErrNoRunner)
}

// Runners lists the registrations of a repository.
func (c *Client) Runners(ctx context.Context, repository fleet.Repository) ([]controller.RunnerTruth, error) {
	return c.listRunners(ctx, read("listing the runners of "+repository.FullName(), repository, grantRunner, laneRunners), nil)
}

func (c *Client) listRunners(ctx context.Context, k call, name *string) ([]controller.RunnerTruth, error) {
	if err := checkNames(k.repo); err != nil {
		return nil, fmt.Errorf("%s: %w", k.doing, err)
	}
	var found []controller.RunnerTruth
	err := c.pages(func(o gh.ListOptions) (int, error) {
		next := 0
		var page *gh.Runners
		_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
			page, resp, err = c.api.Actions.ListRunners(ctx, k.repo.Owner, k.repo.Name, &gh.ListRunnersOptions{Name: name, ListOptions: o})
			return nextPage(&next, resp), err
		})
		if page != nil {
			for _, r := range page.Runners {
				found = append(found, truthOf(r))
			}
		}
		return next, err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func truthOf(r *gh.Runner) controller.RunnerTruth {
	labels := make([]string, 0, len(r.Labels))
	for _, l := range r.Labels {
		labels = append(labels, l.GetName())
	}
	return controller.RunnerTruth{
		ID: r.GetID(), Name: r.GetName(), Online: r.GetStatus() == "online", Busy: r.GetBusy(), Labels: labels,
	}
}
