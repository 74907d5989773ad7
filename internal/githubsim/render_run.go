package githubsim

import (
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

func (v renderer) run(run *world.Run) object {
	r := run.Repository
	url := v.api("/repos/" + r.FullName() + "/actions/runs/" + itoa(run.ID))
	var previous any
	if run.Attempt > 1 {
		previous = url + "/attempts/" + itoa(int64(run.Attempt-1))
	}
	return object{
		"id": run.ID, "name": run.Workflow.Name, "node_id": nodeID("WorkflowRun", run.ID), "check_suite_id": run.CheckSuiteID,
		"check_suite_node_id": nodeID("CheckSuite", run.CheckSuiteID), "head_branch": run.HeadBranch, "head_sha": run.Commit.SHA,
		"path": run.Workflow.Path, "run_number": run.Number, "run_attempt": run.Attempt, "event": run.EventName,
		"status": string(run.Status), "conclusion": orNull(string(run.Conclusion)), "workflow_id": run.Workflow.ID,
		"url": url, "html_url": v.base + "/" + r.FullName() + "/actions/runs/" + itoa(run.ID), "pull_requests": []any{},
		"created_at": stamp(run.CreatedAt), "updated_at": stamp(run.UpdatedAt), "run_started_at": stamp(run.StartedAt),
		"jobs_url": url + "/jobs", "logs_url": url + "/logs", "artifacts_url": url + "/artifacts", "cancel_url": url + "/cancel",
		"rerun_url": url + "/rerun", "workflow_url": v.api("/repos/" + r.FullName() + "/actions/workflows/" + itoa(run.Workflow.ID)),
		"check_suite_url": v.api("/repos/" + r.FullName() + "/check-suites/" + itoa(run.CheckSuiteID)), "previous_attempt_url": previous,
		"head_commit": v.simpleCommit(run.Commit), "repository": v.minimalRepository(r), "head_repository": v.minimalRepository(r),
		"display_title": run.Title, "actor": v.login(run.Actor), "triggering_actor": v.login(run.Actor), "referenced_workflows": []any{},
	}
}

func person(name string) object {
	return object{"name": name, "email": name + "@users.noreply.github.invalid"}
}

func (v renderer) simpleCommit(c *world.Commit) object {
	return object{
		"id": c.SHA, "tree_id": c.TreeSHA, "message": c.Message, "timestamp": stamp(c.At), "author": person(c.Author), "committer": person(c.Author),
	}
}

func (v renderer) workflow(r *world.Repository, w *world.Workflow) object {
	return object{
		"id": w.ID, "node_id": nodeID("Workflow", w.ID), "name": w.Name, "path": w.Path, "state": "active",
		"created_at": stamp(w.CreatedAt), "updated_at": stamp(w.CreatedAt),
		"url":       v.api("/repos/" + r.FullName() + "/actions/workflows/" + itoa(w.ID)),
		"html_url":  v.base + "/" + r.FullName() + "/blob/" + r.DefaultBranch + "/" + w.Path,
		"badge_url": v.base + "/" + r.FullName() + "/workflows/" + itoa(w.ID) + "/badge.svg",
	}
}

func (v renderer) job(run *world.Run, job *world.Job) object {
	repo := "/repos/" + run.Repository.FullName()
	rendered := object{
		"id": job.ID, "run_id": run.ID, "run_url": v.api(repo + "/actions/runs/" + itoa(run.ID)), "run_attempt": job.Attempt,
		"node_id": nodeID("CheckRun", job.ID), "head_sha": run.Commit.SHA, "head_branch": run.HeadBranch, "workflow_name": run.Workflow.Name,
		"url":           v.api(repo + "/actions/jobs/" + itoa(job.ID)),
		"html_url":      v.base + "/" + run.Repository.FullName() + "/actions/runs/" + itoa(run.ID) + "/job/" + itoa(job.ID),
		"check_run_url": v.api(repo + "/check-runs/" + itoa(job.ID)),
		"status":        string(job.Status), "conclusion": orNull(string(job.Conclusion)), "name": job.Name,
		"created_at": stamp(job.CreatedAt), "started_at": stamp(job.StartedAt), "completed_at": stampOrNull(job.CompletedAt),
		"labels": append([]string{}, job.Labels...), "steps": v.steps(job),
		"runner_id": orNull(job.RunnerID), "runner_name": orNull(job.RunnerName),
		"runner_group_id": orNull(job.GroupID), "runner_group_name": orNull(job.GroupName),
	}
	return rendered
}

func (v renderer) steps(job *world.Job) []object {
	steps := make([]object, 0, len(job.Steps))
	for i, step := range job.Steps {
		rendered := object{
			"name": step.Name, "status": "completed", "conclusion": orNull(step.Conclusion), "number": i + 1, "started_at": nil, "completed_at": nil,
		}
		if step.StartedAt != nil {
			rendered["started_at"] = stamp(*step.StartedAt)
		}
		if step.CompletedAt != nil {
			rendered["completed_at"] = stamp(*step.CompletedAt)
		}
		steps = append(steps, rendered)
	}
	return steps
}

func (v renderer) runner(w *world.World, r *world.Runner, c *call) object {
	status := "offline"
	if r.Online() {
		status = "online"
	}
	labels := make([]object, 0, len(r.Labels))
	for i, label := range r.Labels {
		labels = append(labels, object{"id": i + 1, "name": label, "type": "custom"})
	}
	rendered := object{
		"id": r.ID, "name": r.Name, "os": r.OS, "status": status, "busy": w.Busy(r, c.now), "ephemeral": r.Ephemeral,
		"runner_group_id": r.Group.ID, "labels": labels,
	}
	if r.Version != "" {
		rendered["version"] = r.Version
	}
	return rendered
}

func (v renderer) deployment(run *world.Run, e *world.Environment) object {
	repo := v.api("/repos/" + run.Repository.FullName())
	return object{
		"url": repo + "/deployments/" + itoa(run.ID), "id": run.ID, "node_id": nodeID("Deployment", run.ID), "sha": run.Commit.SHA,
		"ref": run.HeadBranch, "task": "deploy", "payload": object{}, "original_environment": e.Name, "environment": e.Name,
		"description": nil, "creator": v.login(run.Actor), "created_at": stamp(run.CreatedAt), "updated_at": stamp(run.UpdatedAt),
		"statuses_url": repo + "/deployments/" + itoa(run.ID) + "/statuses", "repository_url": repo,
	}
}

func (v renderer) environment(r *world.Repository, e *world.Environment) object {
	return object{
		"id": e.ID, "node_id": nodeID("Environment", e.ID), "name": e.Name,
		"url":      v.api("/repos/" + r.FullName() + "/environments/" + e.Name),
		"html_url": v.base + "/" + r.FullName() + "/deployments/activity_log?environments_filter=" + e.Name,
	}
}
