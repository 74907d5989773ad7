package world

import (
	"strings"
	"time"
)

// Scope is where runners are registered: a repository, or an organisation when Repository is empty.
type Scope struct {
	Owner      string
	Repository string

	groups        []*RunnerGroup
	registrations []time.Time // of the last five minutes, for the registration limit
}

// RunnerGroup is a runner group. Every scope has the group 1, "Default".
type RunnerGroup struct {
	ID           int64
	Name         string
	Repositories []string // full names it serves; nil serves all of the organisation
}

const defaultGroupID = 1

func (w *World) scope(owner, repository string) *Scope {
	if s := w.FindScope(owner, repository); s != nil {
		return s
	}
	s := &Scope{Owner: owner, Repository: repository, groups: []*RunnerGroup{{ID: defaultGroupID, Name: "Default"}}}
	w.scopes = append(w.scopes, s)
	return s
}

// FindScope returns the scope of a repository or an organisation, or nil. That of an organisation exists from the first
// use of Organization.
func (w *World) FindScope(owner, repository string) *Scope {
	for _, s := range w.scopes {
		if strings.EqualFold(s.Owner, owner) && strings.EqualFold(s.Repository, repository) {
			return s
		}
	}
	return nil
}

// Organization returns the scope of an organisation that owns a repository, or nil.
func (w *World) Organization(login string) *Scope {
	for _, r := range w.repositories {
		if r.Owner.Organization && strings.EqualFold(r.Owner.Login, login) {
			return w.scope(r.Owner.Login, "")
		}
	}
	return nil
}

// AddGroup creates a runner group in an organisation, for these repositories or, without any, for all.
func (w *World) AddGroup(s *Scope, name string, repositories []string) *RunnerGroup {
	g := &RunnerGroup{ID: int64(len(s.groups)) + defaultGroupID, Name: name, Repositories: repositories}
	s.groups = append(s.groups, g)
	return g
}

// Groups returns the runner groups, Default first.
func (s *Scope) Groups() []*RunnerGroup { return s.groups }

// Group returns a group by its id, or nil.
func (s *Scope) Group(id int64) *RunnerGroup {
	for _, g := range s.groups {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// Serves says whether runners of the group may take jobs of the repository.
func (g *RunnerGroup) Serves(r *Repository) bool {
	if g.Repositories == nil {
		return true
	}
	for _, name := range g.Repositories {
		if strings.EqualFold(name, r.FullName()) {
			return true
		}
	}
	return false
}

// serves says whether runners of the scope may take jobs of the repository.
func (s *Scope) serves(r *Repository) bool {
	return strings.EqualFold(s.Owner, r.Owner.Login) && (s.Repository == "" || strings.EqualFold(s.Repository, r.Name))
}
