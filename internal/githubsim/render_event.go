package githubsim

import (
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// event renders the body of a webhook.
func (v renderer) event(e world.Event, installation *Installation) object {
	body := object{"repository": v.repository(e.Repository), "sender": v.login(senderOf(e))}
	if e.Action != "" {
		body["action"] = e.Action
	}
	if e.Repository.Owner.Organization {
		body["organization"] = v.organization(e.Repository.Owner)
	}
	if installation != nil {
		body["installation"] = object{"id": installation.ID, "node_id": nodeID("IntegrationInstallation", installation.ID)}
	}
	switch e.Name {
	case "workflow_job":
		body["workflow_job"] = v.job(e.Run, e.Job)
		if e.Job.Environment != nil {
			body["deployment"] = v.deployment(e.Run, e.Job.Environment)
		}
	case "workflow_run":
		run := v.run(e.Run)
		if e.Action == "requested" {
			run["status"] = "queued"
		}
		body["workflow_run"], body["workflow"] = run, v.workflow(e.Repository, e.Run.Workflow)
	case "push":
		v.push(body, e)
	}
	return body
}

func senderOf(e world.Event) string {
	switch {
	case e.Run != nil:
		return e.Run.Actor
	case e.Push != nil:
		return e.Push.Actor
	default:
		return e.Repository.Owner.Login
	}
}

func (v renderer) push(body object, e world.Event) {
	p, r := e.Push, e.Repository
	commit := v.simpleCommit(p.After)
	commit["distinct"], commit["url"] = true, v.base+"/"+r.FullName()+"/commit/"+p.After.SHA
	commit["added"], commit["removed"], commit["modified"] = []string{}, []string{}, append([]string{}, p.Files...)
	repository := v.repository(r)
	repository["created_at"], repository["pushed_at"] = r.CreatedAt.Unix(), r.PushedAt.Unix() // numbers, in this event only
	repository["master_branch"], repository["stargazers"] = r.DefaultBranch, 0
	body["repository"] = repository
	body["ref"], body["before"], body["after"] = p.Ref, p.Before, p.After.SHA
	body["created"], body["deleted"], body["forced"], body["base_ref"] = strings.Trim(p.Before, "0") == "", false, false, nil
	body["compare"] = v.base + "/" + r.FullName() + "/compare/" + p.Before[:12] + "..." + p.After.SHA[:12]
	body["commits"], body["head_commit"], body["pusher"] = []object{commit}, commit, person(p.Actor)
}
