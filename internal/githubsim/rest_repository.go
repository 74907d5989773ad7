package githubsim

import (
	"encoding/base64"
	"net/http"
	"path"
	"sort"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

func (s *Simulator) getRepository(c *call) answer {
	return answer{status: http.StatusOK, body: c.render.fullRepository(c.repository)}
}

func (s *Simulator) listRepositories(c *call) answer {
	if c.who.kind != asInstallation {
		return (&apiError{
			status:  http.StatusForbidden,
			message: "You must authenticate with an installation access token in order to list repositories for an installation.",
		}).answer()
	}
	visible := make([]*world.Repository, 0, len(s.world.Repositories()))
	for _, r := range s.world.Repositories() {
		if c.who.sees(r) {
			visible = append(visible, r)
		}
	}
	shown, header := page(c, visible)
	list := make([]object, 0, len(shown))
	for _, r := range shown {
		list = append(list, c.render.repository(r))
	}
	return answer{status: http.StatusOK, body: object{"total_count": len(visible), "repositories": list}, header: header}
}

// getContents returns a file or a folder at a commit.
func (s *Simulator) getContents(c *call) answer {
	file := strings.Trim(c.r.PathValue("path"), "/")
	commit := c.repository.Resolve(c.r.URL.Query().Get("ref"))
	if commit == nil {
		return (&apiError{status: http.StatusNotFound, message: "No commit found for the ref " + c.r.URL.Query().Get("ref")}).answer()
	}
	content, ok := commit.Files[file]
	if !ok {
		return s.listFolder(c, commit, file)
	}
	if isRaw(c.r.Header.Get("Accept")) {
		return answer{status: http.StatusOK, raw: content, header: http.Header{"Content-Type": {"application/vnd.github.raw+json; charset=utf-8"}}}
	}
	rendered := renderEntry(c, commit, file, "file", world.BlobSHA(content), len(content))
	rendered["encoding"], rendered["content"] = "base64", base64.StdEncoding.EncodeToString(content)
	return answer{status: http.StatusOK, body: rendered}
}

func (s *Simulator) listFolder(c *call, commit *world.Commit, folder string) answer {
	prefix := ""
	if folder != "" {
		prefix = folder + "/"
	}
	kinds := map[string]string{}
	var names []string
	for file := range commit.Files {
		rest, ok := strings.CutPrefix(file, prefix)
		if !ok {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		if _, known := kinds[name]; !known {
			names = append(names, name)
			kinds[name] = "file"
		}
		if deeper {
			kinds[name] = "dir"
		}
	}
	if len(names) == 0 {
		return notFound().answer()
	}
	sort.Strings(names)
	list := make([]object, 0, len(names))
	for _, name := range names {
		content := commit.Files[prefix+name]
		list = append(list, renderEntry(c, commit, prefix+name, kinds[name], world.BlobSHA(content), len(content)))
	}
	return answer{status: http.StatusOK, body: list}
}

func renderEntry(c *call, commit *world.Commit, file, kind, sha string, size int) object {
	self := c.render.api("/repos/" + c.repository.FullName() + "/contents/" + file + "?ref=" + commit.SHA)
	git := c.render.api("/repos/" + c.repository.FullName() + "/git/blobs/" + sha)
	html := c.render.base + "/" + c.repository.FullName() + "/blob/" + commit.SHA + "/" + file
	entry := object{
		"type": kind, "name": path.Base(file), "path": file, "sha": sha, "size": size, "url": self, "git_url": git, "html_url": html,
		"download_url": nil, "_links": object{"self": self, "git": git, "html": html},
	}
	return entry
}

// isRaw says whether a media type asks for the file itself.
func isRaw(accept string) bool {
	return strings.Contains(accept, "application/vnd.github.raw") || strings.Contains(accept, "application/vnd.github.v3.raw")
}
