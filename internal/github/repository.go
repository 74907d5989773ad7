package github

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// pathName is what an owner or a repository may be called; names go into paths as they are.
var pathName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// checkNames refuses a repository whose names cannot be part of a path.
func checkNames(repo fleet.Repository) error {
	for _, name := range []string{repo.Owner, repo.Name} {
		if !pathName.MatchString(name) || name == "." || name == ".." {
			return fmt.Errorf("%q is not a repository's name: want owner/name", repo.FullName())
		}
	}
	return nil
}

// Repository asks for a repository by name.
func (c *Client) Repository(ctx context.Context, owner, name string) (fleet.Repository, error) {
	found, installation, err := c.lookUp(ctx, fleet.Repository{Host: c.host, Owner: owner, Name: name}, grantRead)
	if err != nil {
		return fleet.Repository{}, err
	}
	return c.repositoryOf(found, installation), nil
}

func (c *Client) lookUp(ctx context.Context, repo fleet.Repository, g grant) (*gh.Repository, int64, error) {
	if err := checkNames(repo); err != nil {
		return nil, 0, err
	}
	var found *gh.Repository
	_, err := c.get(ctx, read("asking for repository "+repo.FullName(), repo, g, laneOthers), func(ctx context.Context) (resp *gh.Response, err error) {
		found, resp, err = c.api.Repositories.Get(ctx, repo.Owner, repo.Name)
		return resp, err
	})
	if err != nil {
		return nil, 0, err
	}
	installation, err := c.serving(ctx, repo)
	if err != nil {
		return nil, 0, err
	}
	return found, installation, nil
}

func (c *Client) repositoryOf(r *gh.Repository, installation int64) fleet.Repository {
	return fleet.Repository{
		Host: c.host, ID: r.GetID(), Owner: r.GetOwner().GetLogin(), Name: r.GetName(), Private: r.GetPrivate(),
		Installation: installation,
	}
}

// sightLasts is how long a repository that was seen counts as visible.
const sightLasts = time.Minute

// visibility remembers which repositories a grant could see lately. GitHub answers 404 both for what does not exist and
// for what the token may not see; only the first may be taken for the truth about a job or a runner.
type visibility struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func newVisibility() *visibility { return &visibility{seen: map[string]time.Time{}} }

// confirmAbsent returns nil when a 404 means that the thing asked for does not exist.
func (c *Client) confirmAbsent(ctx context.Context, k call) error {
	key := fmt.Sprintf("%s %d", nameKey(k.repo), k.grant)
	now := c.clock.Now()
	c.seen.mu.Lock()
	at, ok := c.seen.seen[key]
	c.seen.mu.Unlock()
	if ok && now.Sub(at) < sightLasts {
		return nil
	}
	found, _, err := c.lookUp(ctx, k.repo, k.grant)
	if err != nil {
		return fmt.Errorf("%s: GitHub answered 404, and does not show the repository either: %w", k.doing, err)
	}
	if p := found.Permissions; k.grant == grantRunner && c.app == nil && p != nil && !p.GetAdmin() {
		return &StatusError{Doing: k.doing, Status: http.StatusNotFound, Message: "the personal token's owner does not administer " + k.repo.FullName()}
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	c.seen.seen[key] = now
	return nil
}
