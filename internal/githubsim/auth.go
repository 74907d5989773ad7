package githubsim

import (
	"net/http"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

type kind int

const (
	anonymous kind = iota
	asApp
	asInstallation
	asPerson
)

// principal is who calls.
type principal struct {
	kind         kind
	key          string // whose limits it uses
	login        string
	installation *Installation
	repositories []string          // full names; all when nil
	permissions  map[string]string // all when nil
	expires      time.Time         // never when zero
}

func personal(t PersonalToken) *principal {
	return &principal{kind: asPerson, key: "user " + t.Login, login: t.Login, repositories: t.Repositories, permissions: t.Permissions}
}

const installationTokenLifetime = time.Hour // GitHub's documentation

// authenticate reads the Authorization header as GitHub does.
func (s *Simulator) authenticate(header http.Header, now time.Time) (*principal, *apiError) {
	value := header.Get("Authorization")
	if value == "" {
		return &principal{kind: anonymous, key: "anonymous"}, nil
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return nil, badCredentials()
	}
	if strings.Count(token, ".") == 2 && s.app != nil && !strings.HasPrefix(token, "ghs_") {
		if err := checkJWT(token, s.app, now); err != nil {
			return nil, err
		}
		return &principal{kind: asApp, key: "app", login: s.app.slug + "[bot]"}, nil
	}
	p := s.tokens[token]
	if p == nil || !p.expires.IsZero() && !now.Before(p.expires) {
		return nil, badCredentials()
	}
	return p, nil
}

func (s *Simulator) issue(i *Installation, repositories []string, permissions map[string]string, now time.Time) (string, *principal) {
	token := "ghs_" + s.random.Token(18)
	p := &principal{
		kind: asInstallation, key: "installation " + itoa(i.ID), login: s.app.slug + "[bot]", installation: i,
		repositories: repositories, permissions: permissions, expires: now.Add(installationTokenLifetime),
	}
	s.tokens[token] = p
	return token, p
}

// sees says whether the principal may know that the repository exists, beyond its being public.
func (p *principal) sees(r *world.Repository) bool {
	switch p.kind {
	case anonymous, asApp:
		return false
	case asInstallation:
		if !strings.EqualFold(p.installation.Account, r.Owner.Login) || !p.installation.includes(r) {
			return false
		}
	case asPerson:
	}
	if p.repositories == nil {
		return true
	}
	for _, name := range p.repositories {
		if strings.EqualFold(name, r.FullName()) {
			return true
		}
	}
	return false
}

func (i *Installation) includes(r *world.Repository) bool {
	if !strings.EqualFold(i.Account, r.Owner.Login) {
		return false
	}
	if i.Repositories == nil {
		return true
	}
	for _, name := range i.Repositories {
		if strings.EqualFold(name, r.Name) {
			return true
		}
	}
	return false
}

func (i *Installation) permissions() map[string]string {
	if i.Permissions == nil {
		return DefaultPermissions()
	}
	return i.Permissions
}

// may says whether the principal has a permission such as "actions:write". A person never has checks:write.
func (p *principal) may(permission string) bool {
	name, level, _ := strings.Cut(permission, ":")
	if name == "checks" && level == "write" && p.kind != asInstallation {
		return false
	}
	if p.permissions == nil {
		return p.kind == asPerson
	}
	if name == "metadata" {
		return true
	}
	return covers(p.permissions[name], level)
}

func covers(granted, wanted string) bool {
	rank := map[string]int{"read": 1, "write": 2, "admin": 3}
	return rank[granted] > 0 && rank[granted] >= rank[wanted]
}

// authorize checks the access of an endpoint to its repository or organisation, and finds it.
func (s *Simulator) authorize(c *call, e endpoint) *apiError {
	switch {
	case e.app:
		if c.who.kind != asApp {
			return &apiError{status: http.StatusUnauthorized, message: "A JSON web token could not be decoded"}
		}
		return nil
	case c.who.kind == asApp && e.permission != "":
		return &apiError{status: http.StatusUnauthorized, message: "Requires authentication"}
	case strings.Contains(e.pattern, "{repo}"):
		return s.authorizeRepository(c, e)
	case strings.Contains(e.pattern, "{org}"):
		return s.authorizeOrganization(c, e)
	default:
		return nil
	}
}

func (s *Simulator) authorizeRepository(c *call, e endpoint) *apiError {
	c.repository = s.world.Repository(c.r.PathValue("owner"), c.r.PathValue("repo"))
	read := c.r.Method == http.MethodGet && !strings.HasPrefix(e.permission, "administration")
	switch {
	case c.repository == nil:
		return notFound()
	case c.who.sees(c.repository):
		if !c.who.may(e.permission) {
			return c.who.refused()
		}
	case c.repository.Private:
		return notFound()
	case !read && c.who.kind == anonymous:
		return &apiError{status: http.StatusUnauthorized, message: "Requires authentication"}
	case !read:
		return c.who.refused()
	}
	c.scope = c.repository.Scope
	return nil
}

func (s *Simulator) authorizeOrganization(c *call, e endpoint) *apiError {
	c.scope = s.world.Organization(c.r.PathValue("org"))
	switch {
	case c.scope == nil:
		return notFound()
	case c.who.kind == anonymous:
		return &apiError{status: http.StatusUnauthorized, message: "Requires authentication"}
	case c.who.kind == asInstallation && !strings.EqualFold(c.who.installation.Account, c.scope.Owner):
		return notFound()
	case !c.who.may(e.permission):
		return c.who.refused()
	}
	return nil
}

func (p *principal) refused() *apiError {
	if p.kind == asInstallation {
		return &apiError{status: http.StatusForbidden, message: "Resource not accessible by integration"}
	}
	return &apiError{status: http.StatusForbidden, message: "Resource not accessible by personal access token"}
}
