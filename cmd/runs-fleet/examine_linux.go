package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/archive"
	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

// examine makes all checks of a server with these settings, which may be incomplete.
func examine(ctx context.Context, s settings.Settings) []doctor.Finding {
	e := examination{settings: s, clock: seam.System{}, log: slog.New(slog.DiscardHandler)}
	checks := []doctor.Check{
		{Name: "platform", Run: func(context.Context) []doctor.Finding {
			return doctor.One(doctor.OK, runtime.GOOS+"/"+runtime.GOARCH, "")
		}},
		{Name: "data directory", Run: func(context.Context) []doctor.Finding { return doctor.Directory(s.Data) }},
		{Name: "server", Run: func(ctx context.Context) []doctor.Finding {
			return doctor.Server(ctx, s.Data, version.Current().Version, e.clock)
		}},
		{Name: "logs of machines", Run: func(ctx context.Context) []doctor.Finding { return doctor.Logs(ctx, s, e.listLogs) }},
		{Name: "agent", Run: e.agent},
	}
	checks = append(checks, e.machineChecks()...)
	return doctor.Run(ctx, e.clock, append(checks, []doctor.Check{
		{Name: "GitHub", Run: e.gitHub},
		{Name: "runner", Run: e.runner},
		{Name: "finding jobs", Run: func(ctx context.Context) []doctor.Finding {
			return doctor.Intake(ctx, s, http.DefaultClient)
		}},
	}...))
}

type examination struct {
	settings settings.Settings
	clock    seam.Clock
	log      *slog.Logger
}

// listLogs asks the bucket of the setting blob for an object.
func (e examination) listLogs(ctx context.Context) error {
	where, err := e.settings.BlobBackend()
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	bucket, err := bucketOf(ctx, where, e.clock, seam.Crypto{}, nil)
	if err != nil {
		return err
	}
	if _, err := bucket.List(ctx, archive.Prefix, "", 1); err != nil {
		return fmt.Errorf("asking for what is kept: %w", err)
	}
	return nil
}

func (e examination) agent(context.Context) []doctor.Finding {
	path, err := findAgent(e.settings.Agent)
	if err != nil {
		remedy := "install runs-fleet-agent beside runs-fleet"
		if e.settings.Agent != "" {
			remedy = "correct the setting agent, or leave it out and install runs-fleet-agent beside runs-fleet"
		}
		return doctor.One(doctor.Problem, err.Error(), remedy)
	}
	return doctor.One(doctor.OK, path, "")
}

// isolation tries what a server would try, in a folder of its own.
func (e examination) isolation(ctx context.Context) (found []doctor.Finding) {
	if e.settings.Isolation == settings.IsolationNone {
		return doctor.One(doctor.Warning, "none: a job can read and change whatever the server's user can", "leave the setting isolation out")
	}
	agent, err := findAgent(e.settings.Agent)
	if err != nil {
		return doctor.One(doctor.Skipped, "it cannot be tried without the agent", "")
	}
	dir, err := os.MkdirTemp("", "runs-fleet-doctor-")
	if err != nil {
		return doctor.One(doctor.Problem, err.Error(), "make room for temporary files")
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			found = append(found, doctor.Finding{Level: doctor.Warning, Detail: err.Error(), Remedy: "remove " + dir})
		}
	}()
	p, err := local.New(ctx, local.Options{
		Dir: filepath.Join(dir, "machines"), AgentPath: agent, ServerURL: "http://127.0.0.1:1", Slots: 1, Clock: e.clock,
		Random: seam.Crypto{}, Logger: e.log, RunnerDir: func(context.Context) (string, error) { return dir, nil },
	})
	if err != nil {
		detail, remedy, _ := strings.Cut(err.Error(), ". Either ")
		if remedy != "" {
			remedy = "either " + remedy
		}
		return doctor.One(doctor.Problem, detail, remedy)
	}
	kind := p.Isolation()
	if err := p.Close(); err != nil {
		return doctor.One(doctor.Warning, err.Error(), "")
	}
	return doctor.One(doctor.OK, isolationText(kind), "")
}

// client returns nothing if there is no credential, which the check of the settings has said already.
func (e examination) client(ctx context.Context) (*github.Client, []doctor.Finding) {
	if !e.settings.HasToken() && e.settings.GitHubAppID == "" {
		return nil, doctor.One(doctor.Skipped, "it cannot be asked without a credential", "")
	}
	of, err := openSecrets(ctx, e.settings, e.clock, seam.Crypto{}, e.log, nil)
	if err != nil {
		return nil, doctor.One(doctor.Problem, err.Error(), "correct the setting that the message names, or what it says of the place")
	}
	c, err := gitHub(e.settings, of, e.clock, seam.Crypto{}, e.log, nil)
	if err != nil {
		return nil, doctor.One(doctor.Problem, err.Error(), "correct github_url, github_app_id and github_app_key_file")
	}
	return c, nil
}

func (e examination) repositories(host string) []fleet.Repository {
	var out []fleet.Repository
	for _, name := range e.settings.Repositories {
		owner, repo, _ := strings.Cut(name, "/")
		out = append(out, fleet.Repository{Host: host, Owner: owner, Name: repo})
	}
	return out
}

func (e examination) gitHub(ctx context.Context) []doctor.Finding {
	c, found := e.client(ctx)
	if c == nil {
		return found
	}
	return doctor.GitHub(ctx, c, e.repositories(c.Host()), e.settings.AllowsPublic)
}

func (e examination) runner(ctx context.Context) []doctor.Finding {
	if e.settings.RunnerDir != "" {
		dir, err := installedRunner(e.settings.RunnerDir)
		if err != nil {
			return doctor.One(doctor.Problem, err.Error(), "unpack a runner from https://github.com/actions/runner/releases there, or leave runner_dir out: one is fetched then")
		}
		return doctor.One(doctor.OK, "the one in "+dir, "")
	}
	c, found := e.client(ctx)
	if c == nil {
		return found
	}
	repositories := e.repositories(c.Host())
	if len(repositories) == 0 {
		return doctor.One(doctor.Skipped, "GitHub names its address per repository, and none is configured", "")
	}
	downloads, err := c.Downloads(ctx, repositories[0])
	if err != nil {
		return doctor.One(doctor.Problem, err.Error(), "mend what is found about GitHub above, or install a runner and set runner_dir")
	}
	for _, d := range downloads {
		if d.OS == "linux" && d.Arch == runnerArch() {
			return e.fetchable(ctx, d)
		}
	}
	return doctor.One(doctor.Problem, "GitHub has no runner for linux on "+runtime.GOARCH, "run the server on amd64 or arm64")
}

// fetchable asks for the first bytes of the package, which come from another host than GitHub's API.
func (e examination) fetchable(ctx context.Context, d github.Download) []doctor.Finding {
	const remedy = "open the way to this address, or install a runner and set runner_dir"
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.URL, http.NoBody)
	if err != nil {
		return doctor.One(doctor.Problem, err.Error(), remedy)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return doctor.One(doctor.Problem, fmt.Sprintf("fetching %s: %s", d.URL, err), remedy)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return doctor.One(doctor.Problem, fmt.Sprintf("%s answers %d", d.URL, resp.StatusCode), remedy)
	}
	return doctor.One(doctor.OK, "version "+d.Version+" can be fetched", "")
}

// runnerArch is this machine's architecture as the runner's packages spell it.
func runnerArch() string {
	if runtime.GOARCH == "amd64" {
		return "x64"
	}
	return runtime.GOARCH
}
