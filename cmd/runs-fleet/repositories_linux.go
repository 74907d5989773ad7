package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
)

// repositoriesFile remembers what GitHub said of the configured repositories.
const repositoriesFile = "repositories.json"

// findRepositories asks GitHub for the configured repositories. When GitHub does not answer, what an earlier start learned is
// as good: a server must be able to restart while GitHub is down. A refusal is an answer.
func (p *parts) findRepositories(ctx context.Context, s *server) error {
	path := filepath.Join(s.settings.Data, repositoriesFile)
	known := readRepositories(path)
	for _, name := range s.settings.Repositories {
		owner, repo, _ := strings.Cut(name, "/")
		found, err := p.github.Repository(ctx, owner, repo)
		if err != nil {
			var old bool
			if found, old = knownAs(known, p.github.Host(), name); !old || refused(err) {
				return fmt.Errorf("looking for the repository %s at GitHub: %w; runs-fleet doctor looks at credential and permissions", name, err)
			}
			s.telemetry.FellBack(controller.FallbackRepositories)
			s.log.WarnContext(ctx, "GitHub does not answer for a repository; going on with what is known of it", "repository", name, "error", err)
		}
		p.repositories = append(p.repositories, found)
	}
	b, err := json.Marshal(p.repositories)
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("noting the repositories: %w", err)
	}
	return nil
}

// readRepositories returns nothing for a file that is absent or cut short: GitHub has to answer then.
func readRepositories(path string) []fleet.Repository {
	var known []fleet.Repository
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &known) != nil {
		return nil
	}
	return known
}

func knownAs(known []fleet.Repository, host, name string) (fleet.Repository, bool) {
	for _, k := range known {
		if k.Host == host && strings.EqualFold(k.FullName(), name) {
			return k, true
		}
	}
	return fleet.Repository{}, false
}

// refused says whether GitHub answered, and a repetition would meet the same answer.
func refused(err error) bool {
	var status *github.StatusError
	return errors.As(err, &status) && status.Status >= http.StatusBadRequest && status.Status < http.StatusInternalServerError ||
		errors.Is(err, github.ErrNotInstalled)
}
