package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/github"
)

// lookEvery is how often GitHub is asked whether the App is installed, and installPatience how long.
const (
	lookEvery       = 3 * time.Second
	installPatience = 30 * time.Minute
)

// mostRepositories bounds how many repositories a server without webhooks is given by itself: each is asked for jobs all the
// time.
const mostRepositories = 50

// awaitInstallation says where to install the App, waits for it, and notes what it may see.
func (r *run) awaitInstallation(ctx context.Context, out *Outcome) error {
	client, err := r.client(out)
	if err != nil {
		return err
	}
	repositories, err := r.visible(ctx, client)
	if err != nil {
		return err
	}
	if len(repositories) == 0 {
		if out.InstallURL == "" {
			out.InstallURL = r.installPage(ctx, client)
		}
		r.say("\nNow install the App, and choose the repositories whose jobs shall run here:\n\n  %s\n", out.InstallURL)
		r.say("This waits until it is done. After Ctrl-C the same command goes on from here.")
		if repositories, err = r.installed(ctx, client); err != nil {
			return err
		}
	}
	r.say("The App is installed for %s.", strings.Join(short(repositories), ", "))
	return r.note(repositories, out)
}

func (r *run) client(out *Outcome) (*github.Client, error) {
	path := out.Files[0]
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the App's key: %w", err)
	}
	c, err := github.New(github.Options{
		BaseURL: r.GitHubURL, Transport: r.transport(), UserAgent: r.UserAgent, Clock: r.Clock, Random: r.Random,
		App: &github.AppCredentials{ID: out.AppID, PrivateKeyPEM: key},
	})
	if err != nil {
		return nil, fmt.Errorf("using the App's key in %s: %w", path, err)
	}
	return c, nil
}

// installPage asks the App for its own address.
func (r *run) installPage(ctx context.Context, c *github.Client) string {
	page, err := c.AppPage(ctx)
	if err != nil {
		return "the App's page at GitHub, Install App"
	}
	return page + "/installations/new"
}

// installed waits until the App may see a repository.
func (r *run) installed(ctx context.Context, c *github.Client) ([]string, error) {
	ctx, cancel := r.Clock.WithTimeout(ctx, installPatience)
	defer cancel()
	for {
		if err := r.pause(ctx); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return nil, fmt.Errorf("the App was not installed within %s: install it, and run this command again", installPatience)
			}
			return nil, err
		}
		found, err := r.visible(ctx, c)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
}

// visible lists the repositories of all installations, by name.
func (r *run) visible(ctx context.Context, c *github.Client) ([]string, error) {
	installations, err := c.Installations(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking where the App is installed: %w; if the App was deleted at GitHub, make another with --again", err)
	}
	var names []string
	for _, i := range installations {
		if i.Suspended {
			continue
		}
		found, err := c.InstallationRepositories(ctx, i.ID)
		if err != nil {
			return nil, fmt.Errorf("looking what the App may see of %s: %w", i.Account, err)
		}
		for _, one := range found {
			names = append(names, one.FullName())
		}
	}
	slices.Sort(names)
	return names, nil
}

// note writes the repositories into the settings, unless they were named or webhooks tell of all.
func (r *run) note(visible []string, out *Outcome) error {
	now, err := r.files.settings()
	if err != nil {
		return err
	}
	wanted := r.Repositories
	switch {
	case len(wanted) == 0 && len(now.Repositories) > 0:
		wanted = now.Repositories // as they are
	case len(wanted) == 0 && now.Polls():
		if wanted = visible; len(wanted) > mostRepositories {
			return fmt.Errorf("the App may see %d repositories, too many to ask each for jobs all the time: run this again with --repository for those that count, "+
				"or use webhooks with --url and --again", len(visible))
		}
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(visible, func(v string) bool { return strings.EqualFold(v, name) }) {
			return fmt.Errorf("the App may not see %s: add it to the installation (%s), and run this again", name, cmp.Or(out.InstallURL, "the App's page at GitHub"))
		}
	}
	out.Repositories = append(out.Repositories, wanted...)
	if len(wanted) == 0 {
		return nil
	}
	_, err = r.files.change(setList("repository", wanted))
	return err
}

// short lists some names and counts the others.
func short(names []string) []string {
	const most = 5
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", len(names)-most))
}
