package githubsim

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

func (s *Simulator) getApp(c *call) answer {
	return answer{status: http.StatusOK, body: s.renderApp(c)}
}

func (s *Simulator) renderApp(c *call) object {
	epoch := stamp(s.world.Created())
	homepage := s.app.homepage
	if homepage == "" {
		homepage = c.render.base
	}
	return object{
		"id": s.app.id, "slug": s.app.slug, "node_id": nodeID("App", s.app.id), "owner": c.render.login(s.app.owner), "name": s.app.name,
		"description": "", "external_url": homepage, "html_url": c.render.base + "/apps/" + s.app.slug, "created_at": epoch,
		"updated_at": epoch, "permissions": s.app.permissions, "events": list(s.app.events),
		"installations_count": len(s.app.installations),
	}
}

// list is never null.
func list(items []string) []string { return append([]string{}, items...) }

func (s *Simulator) renderInstallation(c *call, i *Installation) object {
	selection := "all"
	if i.Repositories != nil {
		selection = "selected"
	}
	owner := s.ownerOf(i.Account)
	account := c.render.user(owner)
	epoch := stamp(s.world.Created())
	return object{
		"id": i.ID, "account": account, "repository_selection": selection, "app_id": s.app.id, "app_slug": s.app.slug, "target_id": owner.ID,
		"target_type": account["type"], "permissions": i.permissions(), "events": list(s.app.events),
		"access_tokens_url": c.render.api("/app/installations/" + itoa(i.ID) + "/access_tokens"),
		"repositories_url":  c.render.api("/installation/repositories"), "html_url": c.render.base + "/settings/installations/" + itoa(i.ID),
		"created_at": epoch, "updated_at": epoch, "single_file_name": nil, "suspended_by": nil, "suspended_at": nil,
	}
}

func (s *Simulator) ownerOf(login string) world.Owner {
	for _, r := range s.world.Repositories() {
		if strings.EqualFold(r.Owner.Login, login) {
			return r.Owner
		}
	}
	return world.Owner{ID: 1, Login: login}
}

func (s *Simulator) listInstallations(c *call) answer {
	installations, header := page(c, s.app.installations)
	list := make([]object, 0, len(installations))
	for _, i := range installations {
		list = append(list, s.renderInstallation(c, i))
	}
	return answer{status: http.StatusOK, body: list, header: header}
}

func (s *Simulator) installation(c *call) *Installation {
	id := pathID(c, "installation")
	for _, i := range s.app.installations {
		if i.ID == id {
			return i
		}
	}
	return nil
}

func (s *Simulator) getInstallation(c *call) answer {
	i := s.installation(c)
	if i == nil {
		return notFound().answer()
	}
	return answer{status: http.StatusOK, body: s.renderInstallation(c, i)}
}

func (s *Simulator) getRepositoryInstallation(c *call) answer {
	r := s.world.Repository(c.r.PathValue("owner"), c.r.PathValue("repo"))
	if r == nil {
		return notFound().answer()
	}
	if i := s.app.at(r.Owner.Login); i != nil && i.includes(r) {
		return answer{status: http.StatusOK, body: s.renderInstallation(c, i)}
	}
	return notFound().answer()
}

// createToken issues an installation token, narrowed as asked: never to more than the installation has.
func (s *Simulator) createToken(c *call) answer {
	i := s.installation(c)
	if i == nil {
		return notFound().answer()
	}
	var request *struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	body := c.body
	if len(body) == 0 {
		body = []byte("{}")
	}
	if json.Unmarshal(body, &request) != nil || request == nil {
		return (&apiError{status: http.StatusBadRequest, message: "Problems parsing JSON"}).answer()
	}
	names, refusal := s.narrowRepositories(i, request.Repositories, request.RepositoryIDs)
	if refusal != nil {
		return refusal.answer()
	}
	permissions := map[string]string{"metadata": "read"}
	granted := i.permissions()
	for name, level := range request.Permissions {
		if !covers(granted[name], level) {
			return (&apiError{
				status: http.StatusUnprocessableEntity, message: "The permissions requested are not granted to this installation.",
			}).answer()
		}
		permissions[name] = level
	}
	if len(request.Permissions) == 0 {
		permissions = granted
	}
	token, p := s.issue(i, names, permissions, c.now)
	rendered := object{"token": token, "expires_at": stamp(p.expires), "permissions": permissions, "repository_selection": "all"}
	if names != nil || i.Repositories != nil {
		rendered["repository_selection"] = "selected"
	}
	if names != nil {
		list := make([]object, 0, len(names))
		for _, r := range s.world.Repositories() {
			if p.sees(r) {
				list = append(list, c.render.repository(r))
			}
		}
		rendered["repositories"] = list
	}
	return answer{status: http.StatusCreated, body: rendered}
}

func (s *Simulator) narrowRepositories(i *Installation, byName []string, byID []int64) ([]string, *apiError) {
	if len(byName)+len(byID) == 0 {
		return nil, nil
	}
	const most = 500 // GitHub's documentation
	refusal := &apiError{
		status:  http.StatusUnprocessableEntity,
		message: "There is at least one repository that does not exist or is not accessible to the parent installation.",
	}
	if len(byName)+len(byID) > most {
		return nil, refusal
	}
	found := map[int64]bool{}
	var names []string
	for _, r := range s.world.Repositories() {
		if !i.includes(r) {
			continue
		}
		for _, name := range byName {
			found[r.ID] = found[r.ID] || strings.EqualFold(name, r.Name)
		}
		for _, id := range byID {
			found[r.ID] = found[r.ID] || id == r.ID
		}
		if found[r.ID] {
			names = append(names, r.FullName())
		}
	}
	if len(names) < max(len(byName), len(byID)) {
		return nil, refusal
	}
	return names, nil
}

func (s *Simulator) getRateLimit(c *call) answer {
	core := within(s.limits.core, c.who.key, coreWindow, c.now)
	limit := s.limits.coreLimit(c.who)
	rate := func(limit, used int) object {
		return object{"limit": limit, "used": used, "remaining": limit - used, "reset": core.start.Add(coreWindow).Unix()}
	}
	const search, registrations = 30, 10_000
	return answer{status: http.StatusOK, body: object{
		"resources": object{"core": rate(limit, core.used), "search": rate(search, 0), "actions_runner_registration": rate(registrations, 0)},
		"rate":      rate(limit, core.used),
	}}
}
