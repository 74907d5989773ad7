package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/runnerdist"
)

// runnerFolder returns what gives machines a runner: the folder of an installed one, or the official one of the day.
func (p *parts) runnerFolder(s *server) (func(context.Context) (string, error), error) {
	o := runnerdist.Options{
		Dir: filepath.Join(s.settings.Data, "runners"), OS: fleet.OS(runtime.GOOS), Arch: fleet.Arch(runtime.GOARCH),
		Pin:   runnerdist.Pin{Version: s.settings.RunnerVersion, SHA256: s.settings.RunnerSHA256},
		Clock: s.clock, Logger: s.log, Source: downloads{p, s.settings.AllowsOwner}, FellBack: s.telemetry.FellBack,
	}
	if s.settings.RunnerDir != "" {
		dir, err := installedRunner(s.settings.RunnerDir)
		if err != nil {
			return nil, err
		}
		o.Installed = dir
	}
	d, err := runnerdist.New(o)
	if err != nil {
		return nil, fmt.Errorf("preparing the runner: %w", err)
	}
	p.onClose("the runner's download", func() error { d.Close(); return nil })
	return d.Dir, nil
}

// downloads asks GitHub for the official runner's packages, which it names per repository and which are the same for all.
type downloads struct {
	parts  *parts
	allows func(owner string) bool
}

func (d downloads) Downloads(ctx context.Context) ([]runnerdist.Download, error) {
	repository, err := d.repository(ctx)
	if err != nil {
		return nil, err
	}
	found, err := d.parts.github.Downloads(ctx, repository)
	if err != nil {
		return nil, err
	}
	out := make([]runnerdist.Download, 0, len(found))
	for _, f := range found {
		out = append(out, ofGitHub(f))
	}
	return out, nil
}

func ofGitHub(d github.Download) runnerdist.Download {
	return runnerdist.Download{OS: d.OS, Architecture: d.Arch, URL: d.URL, Filename: d.Filename, SHA256: d.SHA256}
}

// repository is any repository that we may ask: a configured one, one that had jobs, or one of an installation.
func (d downloads) repository(ctx context.Context) (fleet.Repository, error) {
	if len(d.parts.repositories) > 0 {
		return d.parts.repositories[0], nil
	}
	active, err := d.parts.records.Repositories(ctx)
	if err != nil {
		return fleet.Repository{}, err
	}
	if len(active) > 0 {
		return active[0].Repository, nil
	}
	installations, err := d.parts.github.Installations(ctx)
	if err != nil {
		return fleet.Repository{}, err
	}
	for _, i := range installations {
		if i.Suspended || !d.allows(i.Account) {
			continue
		}
		if all, err := d.parts.github.InstallationRepositories(ctx, i.ID); err == nil && len(all) > 0 {
			return all[0], nil
		}
	}
	return fleet.Repository{}, errors.New("no repository is known yet by which GitHub could be asked for the runner")
}

// installedRunner checks a folder that the settings name.
func installedRunner(configured string) (string, error) {
	dir, err := filepath.Abs(configured)
	if err != nil {
		return "", fmt.Errorf("finding runner_dir: %w", err)
	}
	if err := executable(filepath.Join(dir, "bin", "Runner.Listener")); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("runner_dir: %s holds no runner (there is no bin/Runner.Listener): unpack one there, or leave the setting out", dir)
		}
		return "", fmt.Errorf("runner_dir: %w", err)
	}
	return dir, nil
}
