package githubsim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

func (s *Simulator) generateJITConfig(c *call) answer {
	var request struct {
		Name          *string  `json:"name"`
		RunnerGroupID *int64   `json:"runner_group_id"`
		Labels        []string `json:"labels"`
		WorkFolder    string   `json:"work_folder"`
	}
	if err := json.Unmarshal(c.body, &request); err != nil {
		return (&apiError{status: http.StatusBadRequest, message: "Problems parsing JSON"}).answer()
	}
	missing := ""
	switch {
	case request.Name == nil:
		missing = "name"
	case request.RunnerGroupID == nil:
		missing = "runner_group_id"
	case request.Labels == nil:
		missing = "labels"
	}
	if missing != "" {
		return invalid(`Invalid request. "` + missing + `" wasn't supplied.`).answer()
	}
	if path.IsAbs(request.WorkFolder) || strings.Contains(request.WorkFolder, "..") {
		return invalid("Invalid work_folder: it is relative to the runner's folder").answer()
	}
	if request.WorkFolder == "" {
		request.WorkFolder = "_work"
	}
	if refusal := s.registration(c); refusal != nil {
		return refusal.answer()
	}
	r, secret, err := s.world.Register(c.scope, *request.Name, *request.RunnerGroupID, request.Labels, c.now)
	var wrong *world.InvalidError
	switch {
	case err == nil:
	case errors.Is(err, world.ErrNameTaken):
		message := "Already exists - A runner with the name " + *request.Name + " already exists."
		return (&apiError{status: http.StatusConflict, message: message}).answer()
	case errors.As(err, &wrong):
		return invalid(wrong.Message).answer()
	default:
		return notFound().answer()
	}
	body := object{"runner": c.render.runner(s.world, r, c), "encoded_jit_config": s.jitConfig(c, r, secret, request.WorkFolder)}
	return answer{status: http.StatusCreated, body: body}
}

func invalid(message string) *apiError {
	return &apiError{status: http.StatusUnprocessableEntity, message: message}
}

func (s *Simulator) listRunners(c *call) answer {
	var found []*world.Runner
	for _, r := range s.world.Runners(c.scope) {
		if name := c.r.URL.Query().Get("name"); name == "" || strings.EqualFold(name, r.Name) {
			found = append(found, r)
		}
	}
	shown, header := page(c, found)
	list := make([]object, 0, len(shown))
	for _, r := range shown {
		list = append(list, c.render.runner(s.world, r, c))
	}
	return answer{status: http.StatusOK, body: object{"total_count": len(found), "runners": list}, header: header}
}

func (s *Simulator) getRunner(c *call) answer {
	r := s.world.Runner(c.scope, pathID(c, "runner"))
	if r == nil {
		return notFound().answer()
	}
	return answer{status: http.StatusOK, body: c.render.runner(s.world, r, c)}
}

func (s *Simulator) deleteRunner(c *call) answer {
	r := s.world.Runner(c.scope, pathID(c, "runner"))
	if r == nil {
		return notFound().answer()
	}
	if err := s.world.Delete(r, c.now); err != nil {
		return invalid(`Bad request - Runner "` + r.Name + `" is still running a job"`).answer()
	}
	return answer{status: http.StatusNoContent}
}

func (s *Simulator) listRunnerGroups(c *call) answer {
	var visible []*world.RunnerGroup
	repository := c.r.URL.Query().Get("visible_to_repository")
	for _, g := range c.scope.Groups() {
		if repository == "" {
			visible = append(visible, g)
			continue
		}
		if r := s.world.Repository(c.scope.Owner, repository); r != nil && g.Serves(r) {
			visible = append(visible, g)
		}
	}
	shown, header := page(c, visible)
	list := make([]object, 0, len(shown))
	for _, g := range shown {
		list = append(list, c.render.group(c.scope, g))
	}
	return answer{status: http.StatusOK, body: object{"total_count": len(visible), "runner_groups": list}, header: header}
}

func (v renderer) group(s *world.Scope, g *world.RunnerGroup) object {
	visibility := "all"
	if g.Repositories != nil {
		visibility = "selected"
	}
	return object{
		"id": g.ID, "name": g.Name, "visibility": visibility, "default": g.ID == 1, "inherited": false, "allows_public_repositories": true,
		"runners_url":                     v.api("/orgs/" + s.Owner + "/actions/runner-groups/" + itoa(g.ID) + "/runners"),
		"restricted_to_workflows":         false,
		"selected_workflows":              []string{},
		"workflow_restrictions_read_only": false,
	}
}

// defaultDownloads lists the builds that GitHub has, without content.
func defaultDownloads() []Download {
	const version = "2.337.0"
	var list []Download
	for _, build := range []struct{ os, arch, ext string }{
		{"linux", "x64", ".tar.gz"}, {"linux", "arm64", ".tar.gz"}, {"win", "x64", ".zip"},
	} {
		list = append(list, Download{
			OS: build.os, Architecture: build.arch, Filename: "actions-runner-" + build.os + "-" + build.arch + "-" + version + build.ext,
		})
	}
	return list
}

func (s *Simulator) listDownloads(c *call) answer {
	list := make([]object, 0, len(s.downloads))
	for _, d := range s.downloads {
		sum := sha256.Sum256(d.Content)
		list = append(list, object{
			"os": d.OS, "architecture": d.Architecture, "filename": d.Filename, "download_url": c.render.base + "/_downloads/" + d.Filename,
			"sha256_checksum": hex.EncodeToString(sum[:]),
		})
	}
	return answer{status: http.StatusOK, body: list}
}

func (s *Simulator) serveDownload(w http.ResponseWriter, r *http.Request) {
	for _, d := range s.downloads {
		if d.Filename == r.PathValue("file") {
			s.write(w, answer{status: http.StatusOK, raw: d.Content, header: http.Header{"Content-Type": {"application/octet-stream"}}})
			return
		}
	}
	s.write(w, notFound().answer())
}
