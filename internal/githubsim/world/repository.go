package world

import (
	"crypto/sha1" //nolint:gosec // git's object ids are SHA-1
	"encoding/hex"
	"fmt"
	"maps"
	"sort"
	"strings"
	"time"
)

// RepositorySpec describes a repository to create.
type RepositorySpec struct {
	Owner         string            `json:"owner"`
	Name          string            `json:"name"`
	Private       bool              `json:"private"`
	Organization  bool              `json:"organization"` // the owner is an organisation
	DefaultBranch string            `json:"default_branch"`
	Files         map[string]string `json:"files"`        // of the first commit
	Environments  []EnvironmentSpec `json:"environments"` // deployment environments
	Vars          map[string]string `json:"vars"`
}

// EnvironmentSpec describes a deployment environment.
type EnvironmentSpec struct {
	Name      string `json:"name"`
	Protected bool   `json:"protected"` // a person must approve jobs that name it
}

// Repository is one repository with its history.
type Repository struct {
	ID            int64
	Owner         Owner
	Name          string
	Private       bool
	DefaultBranch string
	CreatedAt     time.Time
	PushedAt      time.Time
	Vars          map[string]string

	environments []*Environment
	commits      []*Commit
	branches     map[string]*Commit
	workflows    []*Workflow
	runNumbers   map[string]int
	Scope        *Scope // where its own runners are registered
}

// Owner is a user or an organisation.
type Owner struct {
	ID           int64
	Login        string
	Organization bool
}

// Environment is a deployment environment of a repository.
type Environment struct {
	ID        int64
	Name      string
	Protected bool
}

// Workflow is a workflow file that has an id.
type Workflow struct {
	ID        int64
	Path      string
	Name      string
	CreatedAt time.Time
}

// Commit is a commit with its whole tree.
type Commit struct {
	SHA     string
	TreeSHA string
	Message string
	Author  string
	At      time.Time
	Files   map[string][]byte
}

// FullName is owner/name.
func (r *Repository) FullName() string { return r.Owner.Login + "/" + r.Name }

// AddRepository creates a repository with a first commit on its default branch, which sends no webhook.
func (w *World) AddRepository(spec RepositorySpec, now time.Time) (*Repository, error) {
	if spec.Owner == "" || spec.Name == "" || strings.Contains(spec.Owner+spec.Name, "/") {
		return nil, fmt.Errorf("a repository needs an owner and a name, without slashes: %q/%q", spec.Owner, spec.Name)
	}
	if w.Repository(spec.Owner, spec.Name) != nil {
		return nil, fmt.Errorf("the repository %s/%s exists already", spec.Owner, spec.Name)
	}
	owner := w.owner(spec.Owner, spec.Organization)
	repository := &Repository{
		ID: w.NextID() % 1_000_000_000, Owner: owner, Name: spec.Name, Private: spec.Private, DefaultBranch: spec.DefaultBranch,
		CreatedAt: now, PushedAt: now, Vars: spec.Vars, branches: map[string]*Commit{}, runNumbers: map[string]int{},
	}
	if repository.DefaultBranch == "" {
		repository.DefaultBranch = "main"
	}
	repository.Scope = w.scope(owner.Login, spec.Name)
	w.repositories = append(w.repositories, repository)
	for _, e := range spec.Environments {
		repository.environments = append(repository.environments, &Environment{ID: w.NextID(), Name: e.Name, Protected: e.Protected})
	}
	w.commit(repository, repository.DefaultBranch, spec.Files, "Initial commit", now)
	return repository, nil
}

func (w *World) owner(login string, organization bool) Owner {
	for _, r := range w.repositories {
		if strings.EqualFold(r.Owner.Login, login) {
			return r.Owner
		}
	}
	return Owner{ID: w.NextID() % 1_000_000_000, Login: login, Organization: organization}
}

// Repository finds a repository by its name, whose case GitHub ignores, or returns nil.
func (w *World) Repository(owner, name string) *Repository {
	for _, r := range w.repositories {
		if strings.EqualFold(r.Owner.Login, owner) && strings.EqualFold(r.Name, name) {
			return r
		}
	}
	return nil
}

// Repositories returns all repositories, oldest first.
func (w *World) Repositories() []*Repository { return w.repositories }

// Commit changes files on a branch (empty content removes a file), and sends a push event.
func (w *World) Commit(r *Repository, branch string, files map[string]string, message string, now time.Time) *Commit {
	if branch == "" {
		branch = r.DefaultBranch
	}
	before := strings.Repeat("0", 40)
	if head := r.branches[branch]; head != nil {
		before = head.SHA
	}
	commit := w.commit(r, branch, files, message, now)
	w.events = append(w.events, Event{Name: "push", At: now, Repository: r, Push: &Push{
		Ref: "refs/heads/" + branch, Before: before, After: commit, Files: sortedPaths(files), Actor: commit.Author,
	}})
	return commit
}

func (w *World) commit(r *Repository, branch string, files map[string]string, message string, now time.Time) *Commit {
	parent := r.branches[branch]
	if parent == nil {
		parent = r.branches[r.DefaultBranch]
	}
	tree := map[string][]byte{}
	previous := ""
	if parent != nil {
		previous = parent.SHA
		maps.Copy(tree, parent.Files)
	}
	hash := sha1.New() //nolint:gosec // git's object ids are SHA-1
	for _, path := range sortedPaths(files) {
		if files[path] == "" {
			delete(tree, path)
		} else {
			tree[path] = []byte(files[path])
		}
		_, _ = fmt.Fprintf(hash, "%s\x00%s\x00", path, files[path])
	}
	treeSHA := hex.EncodeToString(hash.Sum(nil))
	_, _ = fmt.Fprintf(hash, "%s %s %s %d %d", r.FullName(), previous, message, now.UnixNano(), len(r.commits))
	commit := &Commit{SHA: hex.EncodeToString(hash.Sum(nil)), TreeSHA: treeSHA, Message: message, Author: r.Owner.Login, At: now, Files: tree}
	r.commits = append(r.commits, commit)
	r.branches[branch] = commit
	r.PushedAt = now
	return commit
}

// Resolve finds a commit by branch, full ref or sha; empty means the default branch. Nil when there is none.
func (r *Repository) Resolve(ref string) *Commit {
	if ref == "" {
		ref = r.DefaultBranch
	}
	if commit := r.branches[strings.TrimPrefix(ref, "refs/heads/")]; commit != nil {
		return commit
	}
	const shortest = 7
	for _, commit := range r.commits {
		if len(ref) >= shortest && strings.HasPrefix(commit.SHA, ref) {
			return commit
		}
	}
	return nil
}

// Environment finds a deployment environment; GitHub creates an unprotected one at first use.
func (w *World) environment(r *Repository, name string) *Environment {
	for _, e := range r.environments {
		if strings.EqualFold(e.Name, name) {
			return e
		}
	}
	e := &Environment{ID: w.NextID(), Name: name}
	r.environments = append(r.environments, e)
	return e
}

func (w *World) workflow(r *Repository, path, name string, now time.Time) *Workflow {
	for _, f := range r.workflows {
		if f.Path == path {
			f.Name = name
			return f
		}
	}
	f := &Workflow{ID: w.NextID() % 1_000_000_000, Path: path, Name: name, CreatedAt: now}
	r.workflows = append(r.workflows, f)
	return f
}

// BlobSHA is git's object id of a file.
func BlobSHA(content []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...)) //nolint:gosec // git's object ids
	return hex.EncodeToString(sum[:])
}

func sortedPaths(files map[string]string) []string {
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}
