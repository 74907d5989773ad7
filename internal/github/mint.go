package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
)

// defaultGroup is the runner group of every repository (GitHub docs, "Create configuration for a just-in-time runner for a
// repository").
const defaultGroup = 1

// unreachablePause is how long a mint waits that could not be sent: about as long as a DNS or a token answer takes to
// come back, short against a boot.
const unreachablePause = 5 * time.Second

// Mint registers a just-in-time runner with exactly the labels given; GitHub adds none. An error that is neither
// *controller.BudgetError nor *controller.RefusedError nor controller.ErrNameTaken means that the runner may exist. A
// request that was never sent, because there was no token or no connection, is a *controller.BudgetError: no name is
// burnt while GitHub is out of reach.
func (c *Client) Mint(ctx context.Context, r controller.MintRequest) (controller.Registration, error) {
	k := write("registering runner "+r.Name, r.Repository, grantRunner, laneMint)
	k.deadline, k.mint, k.points = mintDeadline, true, 0
	if r.Group != "" {
		return controller.Registration{}, fmt.Errorf("%s: %w", k.doing, &controller.RefusedError{
			Status:  http.StatusUnprocessableEntity,
			Message: fmt.Sprintf("runner group %q: a repository's runners are always in the default group", r.Group),
		})
	}
	if err := checkNames(r.Repository); err != nil {
		return controller.Registration{}, fmt.Errorf("%s: %w", k.doing,
			&controller.RefusedError{Status: http.StatusUnprocessableEntity, Message: err.Error()})
	}
	var config *gh.JITRunnerConfig
	got, err := c.invoke(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		config, resp, err = c.api.Actions.CreateRepoJITConfig(ctx, r.Repository.Owner, r.Repository.Name,
			gh.CreateJITConfigRequest{Name: r.Name, RunnerGroupID: defaultGroup, Labels: r.Labels})
		return resp, err
	})
	if err != nil {
		return controller.Registration{}, c.unsentMint(err)
	}
	switch got.status {
	case http.StatusCreated:
		return registrationOf(k, r.Name, config)
	case http.StatusConflict:
		return controller.Registration{}, fmt.Errorf("%s: %w", k.doing, controller.ErrNameTaken)
	default:
		return controller.Registration{}, k.fail(got)
	}
}

// unsentMint turns the failure of a request that was never sent into one that burns no name.
func (c *Client) unsentMint(err error) error {
	if _, ok := errors.AsType[*unsentError](err); !ok {
		return err
	}
	var (
		budget  *controller.BudgetError
		refused *controller.RefusedError
	)
	if errors.As(err, &budget) || errors.As(err, &refused) {
		return err
	}
	if errors.Is(err, ErrNotInstalled) {
		return &controller.RefusedError{Status: http.StatusNotFound, Message: err.Error()}
	}
	return &controller.BudgetError{Until: c.clock.Now().Add(unreachablePause), Reason: err.Error()}
}

// registrationOf checks GitHub's answer; without a usable one the outcome is unknown.
func registrationOf(k call, name string, config *gh.JITRunnerConfig) (controller.Registration, error) {
	got := controller.Registration{
		ID: config.GetRunner().GetID(), Name: config.GetRunner().GetName(), JITConfig: config.GetEncodedJITConfig(),
	}
	if got.ID == 0 || got.Name != name || got.JITConfig == "" {
		return controller.Registration{}, fmt.Errorf("%s: GitHub's answer is incomplete (id %d, name %q, configuration of %d bytes)",
			k.doing, got.ID, got.Name, len(got.JITConfig))
	}
	return got, nil
}
