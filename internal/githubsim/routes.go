package githubsim

import "net/http"

// endpoints is GitHub's REST API, as far as the simulator has it. The names are those of faults and limits.
func endpoints() []endpoint {
	const (
		repo = "/repos/{owner}/{repo}"
		runs = repo + "/actions/runs/{run}"
		jobs = repo + "/actions/jobs/{job}"
	)
	get, post, remove, patch := http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPatch
	list := []endpoint{
		{name: "app", method: get, pattern: "/app", app: true, serve: (*Simulator).getApp},
		{name: "installations", method: get, pattern: "/app/installations", app: true, serve: (*Simulator).listInstallations},
		{name: "installation", method: get, pattern: "/app/installations/{installation}", app: true, serve: (*Simulator).getInstallation},
		{name: "repository-installation", method: get, pattern: repo + "/installation", app: true, serve: (*Simulator).getRepositoryInstallation},
		{name: "access-tokens", method: post, pattern: "/app/installations/{installation}/access_tokens", app: true, serve: (*Simulator).createToken},
		{name: "hook-config", method: get, pattern: "/app/hook/config", app: true, serve: (*Simulator).getHookConfig},
		{name: "update-hook-config", method: patch, pattern: "/app/hook/config", app: true, serve: (*Simulator).updateHookConfig},
		{name: "deliveries", method: get, pattern: "/app/hook/deliveries", app: true, serve: (*Simulator).listDeliveries},
		{name: "delivery", method: get, pattern: "/app/hook/deliveries/{delivery}", app: true, serve: (*Simulator).getDelivery},
		{name: "redeliver", method: post, pattern: "/app/hook/deliveries/{delivery}/attempts", app: true, serve: (*Simulator).redeliver},
		{name: "convert-manifest", method: post, pattern: "/app-manifests/{code}/conversions", serve: (*Simulator).convertManifest},

		{name: "rate-limit", method: get, pattern: "/rate_limit", serve: (*Simulator).getRateLimit},
		{name: "repositories", method: get, pattern: "/installation/repositories", serve: (*Simulator).listRepositories},
		{name: "repository", method: get, pattern: repo, permission: "metadata:read", serve: (*Simulator).getRepository},
		{name: "contents", method: get, pattern: repo + "/contents/{path...}", permission: "contents:read", serve: (*Simulator).getContents},

		{name: "runs", method: get, pattern: repo + "/actions/runs", permission: "actions:read", serve: (*Simulator).listRuns},
		{name: "run", method: get, pattern: runs, permission: "actions:read", serve: (*Simulator).getRun},
		{name: "run-jobs", method: get, pattern: runs + "/jobs", permission: "actions:read", serve: (*Simulator).listRunJobs},
		{name: "attempt-jobs", method: get, pattern: runs + "/attempts/{attempt}/jobs", permission: "actions:read", serve: (*Simulator).listAttemptJobs},
		{name: "rerun", method: post, pattern: runs + "/rerun", permission: "actions:write", serve: (*Simulator).rerunRun},
		{name: "rerun-failed-jobs", method: post, pattern: runs + "/rerun-failed-jobs", permission: "actions:write", serve: (*Simulator).rerunFailed},
		{name: "cancel", method: post, pattern: runs + "/cancel", permission: "actions:write", serve: (*Simulator).cancelRun},
		{name: "force-cancel", method: post, pattern: runs + "/force-cancel", permission: "actions:write", serve: (*Simulator).forceCancelRun},
		{name: "pending-deployments", method: get, pattern: runs + "/pending_deployments", permission: "actions:read", serve: (*Simulator).listPendingDeployments},
		{name: "review-deployments", method: post, pattern: runs + "/pending_deployments", permission: "deployments:write", serve: (*Simulator).reviewDeployments},
		{name: "job", method: get, pattern: jobs, permission: "actions:read", serve: (*Simulator).getJob},
		{name: "job-logs", method: get, pattern: jobs + "/logs", permission: "actions:read", serve: (*Simulator).getJobLogs},
		{name: "rerun-job", method: post, pattern: jobs + "/rerun", permission: "actions:write", serve: (*Simulator).rerunJob},

		{name: "create-check-run", method: post, pattern: repo + "/check-runs", permission: "checks:write", serve: (*Simulator).createCheckRun},
		{name: "create-status", method: post, pattern: repo + "/statuses/{sha}", permission: "statuses:write", serve: (*Simulator).createStatus},

		{
			name: "runner-groups", method: get, pattern: "/orgs/{org}/actions/runner-groups", permission: "organization_self_hosted_runners:read",
			serve: (*Simulator).listRunnerGroups,
		},
	}
	for prefix, permission := range map[string]string{repo: "administration", "/orgs/{org}": "organization_self_hosted_runners"} {
		runners, read, write := prefix+"/actions/runners", permission+":read", permission+":write"
		list = append(list,
			endpoint{name: "runners", method: get, pattern: runners, permission: read, serve: (*Simulator).listRunners},
			endpoint{name: "runner-downloads", method: get, pattern: runners + "/downloads", permission: read, serve: (*Simulator).listDownloads},
			endpoint{name: "generate-jitconfig", method: post, pattern: runners + "/generate-jitconfig", permission: write, serve: (*Simulator).generateJITConfig},
			endpoint{name: "runner", method: get, pattern: runners + "/{runner}", permission: read, serve: (*Simulator).getRunner},
			endpoint{name: "delete-runner", method: remove, pattern: runners + "/{runner}", permission: write, serve: (*Simulator).deleteRunner},
		)
	}
	return list
}

func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range endpoints() {
		for _, prefix := range []string{"", "/api/v3"} {
			mux.HandleFunc(e.method+" "+prefix+e.pattern, s.serveEndpoint(e))
		}
	}
	for pattern, serve := range map[string]func(brokerCall){
		"POST /_runner/session": s.openSession, "DELETE /_runner/session": s.closeSession, "GET /_runner/message": s.message,
		"POST /_runner/jobs/{job}/acquire": s.acquire, "POST /_runner/jobs/{job}/renew": s.renew, "POST /_runner/jobs/{job}/complete": s.complete,
	} {
		mux.HandleFunc(pattern, s.broker(serve))
	}
	mux.HandleFunc("GET /_logs/{token}", s.serveLog)
	mux.HandleFunc("GET /_downloads/{file}", s.serveDownload)
	s.controlRoutes(mux)
	s.pageRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { s.write(w, notFound().answer()) })
	return mux
}
