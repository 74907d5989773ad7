package githubsim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// object is a JSON object.
type object = map[string]any

// renderer writes GitHub's JSON. It knows only where the simulator is reached.
type renderer struct{ base string }

func (s *Simulator) render() renderer {
	if s.baseURL == "" {
		return renderer{base: "http://github.invalid"}
	}
	return renderer{base: s.baseURL}
}

func (s *Simulator) renderFor(r *http.Request) renderer {
	if s.baseURL == "" && r.Host != "" {
		return renderer{base: "http://" + r.Host}
	}
	return s.render()
}

func (v renderer) api(path string) string { return v.base + "/api/v3" + path }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", kind, id))
}

func orNull[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

func (v renderer) user(o world.Owner) object {
	kind := "User"
	if o.Organization {
		kind = "Organization"
	}
	users := v.api("/users/" + o.Login)
	return object{
		"login": o.Login, "id": o.ID, "node_id": nodeID(kind, o.ID), "avatar_url": v.base + "/avatars/" + o.Login, "gravatar_id": "",
		"url": users, "html_url": v.base + "/" + o.Login, "followers_url": users + "/followers",
		"following_url": users + "/following{/other_user}", "gists_url": users + "/gists{/gist_id}",
		"starred_url": users + "/starred{/owner}{/repo}", "subscriptions_url": users + "/subscriptions",
		"organizations_url": users + "/orgs", "repos_url": users + "/repos", "events_url": users + "/events{/privacy}",
		"received_events_url": users + "/received_events", "type": kind, "site_admin": false, "user_view_type": "public",
	}
}

// login renders a user of whom only the name is known.
func (v renderer) login(name string) object {
	const people = 5_000_000 // stable ids, apart from those of owners
	id := int64(people)
	for _, c := range name {
		id = id*31%people + people
		id += int64(c)
	}
	return v.user(world.Owner{ID: id, Login: name})
}

func (v renderer) organization(o world.Owner) object {
	orgs := v.api("/orgs/" + o.Login)
	return object{
		"login": o.Login, "id": o.ID, "node_id": nodeID("Organization", o.ID), "url": orgs, "repos_url": orgs + "/repos",
		"events_url": orgs + "/events", "hooks_url": orgs + "/hooks", "issues_url": orgs + "/issues",
		"members_url": orgs + "/members{/member}", "public_members_url": orgs + "/public_members{/member}",
		"avatar_url": v.base + "/avatars/" + o.Login, "description": "",
	}
}

// minimalRepository is the form inside other objects.
func (v renderer) minimalRepository(r *world.Repository) object {
	url := v.api("/repos/" + r.FullName())
	rendered := object{
		"id": r.ID, "node_id": nodeID("Repository", r.ID), "name": r.Name, "full_name": r.FullName(), "private": r.Private,
		"owner": v.user(r.Owner), "html_url": v.base + "/" + r.FullName(), "description": nil, "fork": false, "url": url,
	}
	for name, path := range map[string]string{
		"archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}", "branches": "/branches{/branch}",
		"collaborators": "/collaborators{/collaborator}", "comments": "/comments{/number}", "commits": "/commits{/sha}",
		"compare": "/compare/{base}...{head}", "contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments",
		"downloads": "/downloads", "events": "/events", "forks": "/forks", "git_commits": "/git/commits{/sha}", "git_refs": "/git/refs{/sha}",
		"git_tags": "/git/tags{/sha}", "hooks": "/hooks", "issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}",
		"issues": "/issues{/number}", "keys": "/keys{/key_id}", "labels": "/labels{/name}", "languages": "/languages", "merges": "/merges",
		"milestones": "/milestones{/number}", "notifications": "/notifications{?since,all,participating}", "pulls": "/pulls{/number}",
		"releases": "/releases{/id}", "stargazers": "/stargazers", "statuses": "/statuses/{sha}", "subscribers": "/subscribers",
		"subscription": "/subscription", "tags": "/tags", "teams": "/teams", "trees": "/git/trees{/sha}",
	} {
		rendered[name+"_url"] = url + path
	}
	return rendered
}

// repository is the full form.
func (v renderer) repository(r *world.Repository) object {
	rendered := v.minimalRepository(r)
	visibility := "public"
	if r.Private {
		visibility = "private"
	}
	more := object{
		"git_url": "git://" + r.FullName() + ".git", "ssh_url": "git@github.invalid:" + r.FullName() + ".git",
		"clone_url": v.base + "/" + r.FullName() + ".git", "svn_url": v.base + "/" + r.FullName(), "mirror_url": nil, "homepage": nil,
		"language": nil, "license": nil, "size": 0, "default_branch": r.DefaultBranch, "visibility": visibility, "topics": []string{},
		"archived": false, "disabled": false, "is_template": false, "allow_forking": true, "web_commit_signoff_required": false,
		"has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"created_at": stamp(r.CreatedAt), "updated_at": stamp(r.PushedAt), "pushed_at": stamp(r.PushedAt),
	}
	for _, name := range []string{"forks", "open_issues", "watchers", "forks_count", "stargazers_count", "watchers_count", "open_issues_count"} {
		more[name] = 0
	}
	maps.Copy(rendered, more)
	return rendered
}

func (v renderer) fullRepository(r *world.Repository) object {
	rendered := v.repository(r)
	rendered["subscribers_count"], rendered["network_count"] = 0, 0
	return rendered
}
