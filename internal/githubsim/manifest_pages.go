package githubsim

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// The pages with which a person creates an App from a manifest, and installs it. There is one person, who is logged in and
// owns everything.

// pageRoutes adds the pages for browsers.
func (s *Simulator) pageRoutes(mux *http.ServeMux) {
	for prefix, form := range map[string]string{"/settings/apps": "/settings/apps", "/organizations/{org}/settings/apps": "/organizations/ORG/settings/apps"} {
		mux.HandleFunc("POST "+prefix+"/new", func(w http.ResponseWriter, r *http.Request) {
			s.askToCreate(w, r, strings.Replace(form, "ORG", url.PathEscape(r.PathValue("org")), 1))
		})
		mux.HandleFunc("POST "+prefix, s.createApp)
	}
	mux.HandleFunc("GET /apps/{slug}/installations/new", s.askToInstall)
	mux.HandleFunc("POST /apps/{slug}/installations", s.installApp)
}

// pages are the page that shows a manifest, the one that installs an App, and the one that says what is wrong.
func pages() *template.Template {
	return template.Must(template.New("").Parse(`{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><title>{{.}}</title><h1>{{.}}</h1>{{end}}
{{define "create"}}{{template "head" "Create GitHub App"}}
<form method="post" action="{{.Action}}">
<input type="hidden" name="manifest" value="{{.Manifest}}"><input type="hidden" name="state" value="{{.State}}">
<label>GitHub App name <input name="name" value="{{.Name}}"></label>
<button>Create GitHub App</button></form></html>{{end}}
{{define "install"}}{{template "head" "Install"}}
<form method="post" action="/apps/{{.Slug}}/installations">
<label>Account <select name="account">{{range .Accounts}}<option>{{.}}</option>{{end}}</select></label>
<label>Only these repositories (none: all) <select name="repository" multiple>{{range .Repositories}}<option>{{.}}</option>{{end}}</select></label>
<button>Install</button></form></html>{{end}}
{{define "done"}}{{template "head" "Installed"}}</html>{{end}}
{{define "wrong"}}{{template "head" "Invalid GitHub App configuration"}}<p>The configuration does not appear to be a valid GitHub App manifest. {{.}}</p></html>{{end}}
`))
}

func (s *Simulator) page(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages().ExecuteTemplate(&b, name, data); err != nil {
		panic("githubsim shows a page that its template cannot hold: " + err.Error())
	}
	s.write(w, answer{status: status, raw: b.Bytes(), header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}})
}

// form reads a form of bounded size.
func form(w http.ResponseWriter, r *http.Request) url.Values {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
	if r.ParseForm() != nil {
		return url.Values{}
	}
	return r.Form
}

// askToCreate shows what the manifest asks for.
func (s *Simulator) askToCreate(w http.ResponseWriter, r *http.Request, action string) {
	values := form(w, r)
	m, wrong := parseManifest(values.Get("manifest"))
	if wrong != "" {
		s.page(w, http.StatusUnprocessableEntity, "wrong", wrong)
		return
	}
	s.page(w, http.StatusOK, "create", map[string]string{
		"Action": action, "Manifest": values.Get("manifest"), "State": r.URL.Query().Get("state"), "Name": m.Name,
	})
}

// createApp creates the App and leads the browser back with a code for its credentials.
func (s *Simulator) createApp(w http.ResponseWriter, r *http.Request) {
	values := form(w, r)
	m, wrong := parseManifest(values.Get("manifest"))
	m.Name = strings.TrimSpace(values.Get("name"))
	owner, code := r.PathValue("org"), ""
	s.locked(func(now time.Time) {
		switch {
		case wrong != "":
		case m.Name == "":
			wrong = "Error Name can't be blank."
		case len(m.Name) > longestAppName:
			wrong = "Error Name is too long (maximum is 34 characters)."
		case s.app != nil && s.app.slug == slugOf(m.Name):
			wrong = "Error Name is already taken."
		case owner != "" && s.world.Organization(owner) == nil:
			wrong = "Error Owner is not an organization."
		default:
			const codeBytes = 20
			code = s.random.Token(codeBytes)
			s.pending[code] = &pendingApp{manifest: m, owner: owner, until: now.Add(manifestLifetime)}
		}
	})
	if wrong != "" {
		s.page(w, http.StatusUnprocessableEntity, "wrong", wrong)
		return
	}
	back, err := url.Parse(m.RedirectURL)
	if err != nil { // parseManifest has looked at it
		s.page(w, http.StatusUnprocessableEntity, "wrong", err.Error())
		return
	}
	query := back.Query()
	query.Set("code", code)
	if state := values.Get("state"); state != "" {
		query.Set("state", state)
	}
	back.RawQuery = query.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// slugOf is an App's name as addresses spell it.
func slugOf(name string) string {
	strange := regexp.MustCompile(`[^a-z0-9]+`)
	return strings.Trim(strange.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

func (s *Simulator) askToInstall(w http.ResponseWriter, r *http.Request) {
	var data struct {
		Slug                   string
		Accounts, Repositories []string
	}
	s.locked(func(time.Time) {
		if s.app == nil || s.app.slug != r.PathValue("slug") {
			return
		}
		data.Slug = s.app.slug
		seen := map[string]bool{}
		for _, repository := range s.world.Repositories() {
			owner := repository.Owner.Login
			if s.app.private && !strings.EqualFold(owner, s.app.owner) {
				continue // a private App can be installed where it belongs only
			}
			if !seen[owner] {
				seen[owner] = true
				data.Accounts = append(data.Accounts, owner)
			}
			data.Repositories = append(data.Repositories, repository.FullName())
		}
	})
	if data.Slug == "" {
		s.write(w, notFound().answer())
		return
	}
	s.page(w, http.StatusOK, "install", data)
}

func (s *Simulator) installApp(w http.ResponseWriter, r *http.Request) {
	values := form(w, r)
	account, found := values.Get("account"), false
	var names []string
	for _, full := range values["repository"] {
		if owner, name, _ := strings.Cut(full, "/"); strings.EqualFold(owner, account) {
			names = append(names, name)
		}
	}
	s.locked(func(time.Time) {
		found = s.app != nil && s.app.slug == r.PathValue("slug") && (!s.app.private || strings.EqualFold(account, s.app.owner)) &&
			slices.ContainsFunc(s.world.Repositories(), func(r *world.Repository) bool { return strings.EqualFold(account, r.Owner.Login) })
		if found {
			s.install(account, names)
		}
	})
	if !found {
		s.write(w, notFound().answer())
		return
	}
	s.page(w, http.StatusOK, "done", nil)
}

// install gives an account an installation, or changes the repositories that it has.
func (s *Simulator) install(account string, names []string) {
	if i := s.app.at(account); i != nil {
		i.Repositories = names
		return
	}
	s.app.installations = append(s.app.installations, &Installation{
		ID: s.world.NextID() % 1_000_000_000, Account: account, Repositories: names, Permissions: s.app.permissions,
	})
}
