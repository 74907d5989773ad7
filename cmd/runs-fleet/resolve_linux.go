package main

import (
	"errors"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// controllerConfig says what the controller works on and under which policy.
func (s *server) controllerConfig() (controller.Config, error) {
	p := s.parts
	web, err := github.WebURL(s.settings.GitHubURL)
	if err != nil {
		return controller.Config{}, fmt.Errorf("reading github_url: %w", err)
	}
	c := controller.Config{
		Records: p.records, Queue: p.queue, GitHub: p.github, Provider: p.machines.Machines, Verifier: verifier{p.machines},
		Clock: s.clock, Random: s.random, Logger: s.log, Observer: s.telemetry,
		Archive:            p.archive,
		Site:               p.machines.site,
		Markets:            p.machines.markets,
		MaxRunners:         p.maxRunners,
		Fold:               label.Fold,
		AllowOwner:         s.settings.AllowsOwner,
		AllowPublic:        func(r fleet.Repository) bool { return s.settings.AllowsPublic(r.FullName()) },
		CancelOnLabelError: s.settings.OnLabelError == settings.LabelCancel,
		Repositories:       p.repositories,
		ScanInterval:       s.settings.ScanInterval(),
		ProviderInterval:   p.machines.listing,
		DashboardURL:       s.settings.ExternalURL, // an address of this machine only would be of no use on a commit
		ServerURL:          web,
		Alone:              p.alone,
		Billed:             !p.alone, // what several servers share is a service
	}
	if p.replicas != nil {
		c.Address, c.Peers = p.replicas.address, p.replicas.client
	}
	err = s.watchFleetConfig(&c, label.Fleet{Platforms: p.machines.platforms})
	return c, err
}

func isOurs(labels []string, names label.Fleet) bool {
	_, err := label.Resolve(labels, names)
	return !errors.Is(err, label.ErrNotOurs)
}
