package doctor

import (
	"context"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
)

// GitHubChecker is what the check of GitHub needs.
type GitHubChecker interface {
	Check(ctx context.Context, repositories ...fleet.Repository) []github.Finding
	Repository(ctx context.Context, owner, name string) (fleet.Repository, error)
}

// GitHub looks at the way to GitHub, the clocks, the credential, and each repository.
func GitHub(ctx context.Context, c GitHubChecker, repositories []fleet.Repository, allowsPublic func(string) bool) []Finding {
	var out []Finding
	sound := true
	for _, f := range c.Check(ctx, repositories...) {
		level := OK
		if !f.OK {
			level, sound = Problem, false
		}
		out = append(out, Finding{Check: "GitHub: " + f.Name, Level: level, Detail: f.Detail, Remedy: f.Remedy})
	}
	if !sound {
		return out
	}
	for _, r := range repositories {
		found, err := c.Repository(ctx, r.Owner, r.Name)
		if err == nil && !found.Private && !allowsPublic(r.FullName()) {
			out = append(out, Finding{
				Check: "GitHub: repository " + r.FullName(), Level: Warning, Detail: "it is public, so its jobs are refused",
				Remedy: "if you trust everyone who may propose a change to it, name it in allow_public",
			})
		}
	}
	return out
}
