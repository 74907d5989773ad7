package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/endtoend/harness"
	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

const (
	token         = "ghp_endtoend0000000000000000000000000000"
	webhookSecret = "the secret of the webhook"
	repository    = "acme/shop"
)

// system is a simulated GitHub in this process and the product's server in its own.
type system struct {
	t       *testing.T
	bin     binaries
	github  harness.GitHub
	client  *simclient.Client
	dir     string
	options options
	server  *harness.Process
	several *several // instead of server, nil for one
	log     *os.File
}

type options struct {
	replicas   int // servers that share DynamoDB, SQS and S3; 0 is one with everything embedded
	polls      bool
	maxRunners int
	bootDelay  time.Duration
	speedup    float64
	args       []string
}

// start makes everything ready: a repository, and a server that serves it.
func start(t *testing.T, o options) *system {
	t.Helper()
	s := &system{t: t, bin: programs(t), options: o}
	s.makeFolders()
	if o.replicas > 0 {
		s.several = prepareSeveral(s, o.replicas)
	}
	s.github = harness.StartGitHub(t, githubsim.Options{
		ControlToken: "control", Speedup: o.speedup,
		PersonalTokens: []githubsim.PersonalToken{{Token: token, Login: "acme"}},
		Repositories:   []githubsim.RepositorySpec{{Owner: "acme", Name: "shop", Private: true}},
		Webhook:        s.webhook(),
	})
	s.client = simclient.New(s.github.Web.URL, "control", s.github.Web.Client())
	t.Cleanup(func() {
		s.stop()
		s.github.Close()
		s.end()
	})
	s.startServer()
	return s
}

func (s *system) makeFolders() {
	dir, err := os.MkdirTemp("", "runs-fleet-test-")
	if err != nil {
		s.t.Fatal(err)
	}
	s.dir = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	harness.InstallRunner(s.t, filepath.Join(dir, "runner"), s.bin.demo)
	if s.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil {
		s.t.Fatal(err)
	}
}

// webhook is where GitHub sends events; the server keeps its port through restarts.
func (s *system) webhook() githubsim.Webhook {
	if s.options.polls {
		return githubsim.Webhook{}
	}
	if s.several != nil {
		return githubsim.Webhook{URL: s.several.balancer.URL + "/webhook", Secret: webhookSecret}
	}
	s.options.args = append(s.options.args, "--listen", freeAddress(s.t))
	return githubsim.Webhook{URL: "http://" + s.options.args[len(s.options.args)-1] + "/webhook", Secret: webhookSecret}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l := httptest.NewServer(nil)
	defer l.Close()
	return strings.TrimPrefix(l.URL, "http://")
}

func (s *system) data() string { return filepath.Join(s.dir, "data") }

func (s *system) startServer() {
	s.t.Helper()
	if s.several != nil {
		s.several.start(s)
		return
	}
	args := []string{
		"serve", "--data", s.data(), "--github-url", s.github.Web.URL + "/api/v3", "--repository", repository,
		"--runner-dir", filepath.Join(s.dir, "runner"), "--agent", s.bin.agent, "--poll-interval", "500ms",
		"--max-runners", strconv.Itoa(max(1, s.options.maxRunners)), "--boot-delay", s.options.bootDelay.String(),
	}
	env := append(os.Environ(), "RUNS_FLEET_GITHUB_TOKEN="+token)
	if s.options.polls {
		args = append(args, "--listen", "127.0.0.1:0")
	} else {
		env = append(env, "RUNS_FLEET_WEBHOOK_SECRET="+webhookSecret)
	}
	cmd := exec.Command(s.bin.server, append(args, s.options.args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.server = harness.Launch(s.t, cmd)
	s.await(30*time.Second, "the server is ready", func() bool {
		if s.server.Over() {
			s.t.Fatalf("the server ended: %v\n%s", s.server.Wait(), s.serverLog())
		}
		return s.serverFile().PID == cmd.Process.Pid
	})
}

type serverFile struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

func (s *system) serverFile() serverFile {
	var f serverFile
	b, err := os.ReadFile(filepath.Join(s.data(), "server.json"))
	if err == nil {
		_ = json.Unmarshal(b, &f) // half a file is no file
	}
	return f
}

// kill ends the server as a power cut would.
func (s *system) kill() {
	s.t.Helper()
	if s.several != nil {
		s.several.killOne()
		return
	}
	_ = s.server.Cmd.Process.Kill()
	_ = s.server.Wait()
}

// stop ends the server gently; its agents go on.
func (s *system) stop() {
	if s.several != nil {
		s.several.stop(s)
		return
	}
	if s.server == nil || s.server.Over() {
		return
	}
	_ = s.server.Cmd.Process.Signal(syscall.SIGTERM)
	_ = s.server.Wait()
}

// end kills what is left of the machines, says what it was, and removes the folders.
func (s *system) end() {
	for _, pid := range s.agents() {
		s.t.Errorf("agent %d is left over", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if s.t.Failed() {
		s.t.Logf("the server's log:\n%s", tail(s.serverLog(), 20_000))
	}
	_ = s.log.Close()
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Errorf("removing the folders: %v", err)
	}
}

func (s *system) serverLog() string {
	b, _ := os.ReadFile(s.log.Name())
	return string(b)
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// cli runs the product's command line against the server.
func (s *system) cli(args ...string) (string, error) {
	cmd := exec.Command(s.bin.server, append(args, "--data", s.data())...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		return out.String(), fmt.Errorf("runs-fleet %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// workflow commits a workflow file and starts a run of it.
func (s *system) workflow(name, content string) simclient.Run {
	s.t.Helper()
	path := ".github/workflows/" + name
	ctx := s.t.Context()
	if _, err := s.client.Commit(ctx, simclient.File{Repository: repository, Path: path, Content: content}); err != nil {
		s.t.Fatal(err)
	}
	run, err := s.client.Dispatch(ctx, simclient.Dispatch{Repository: repository, Path: path})
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

func (s *system) jobs(run simclient.Run) []simclient.Job {
	s.t.Helper()
	jobs, err := s.client.Jobs(s.t.Context(), run.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return jobs
}

func (s *system) jobLog(id int64) string {
	s.t.Helper()
	log, err := s.client.Log(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return log
}

// done says whether every job of the run is completed.
func (s *system) done(run simclient.Run) bool {
	for _, j := range s.jobs(run) {
		if j.Status != "completed" {
			return false
		}
	}
	return true
}

// nothingLeft says whether no registration of ours, no agent and no folder of a machine is left.
func (s *system) nothingLeft() bool {
	return s.leftOver() == ""
}

func (s *system) leftOver() string {
	var out []string
	regs, err := s.client.Registrations(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range regs {
		if !r.Foreign {
			out = append(out, "registration "+r.Name)
		}
	}
	for _, pid := range s.agents() {
		out = append(out, "agent "+strconv.Itoa(pid))
	}
	boxes, _ := filepath.Glob(filepath.Join(s.data(), "machines", "instances", "*", "box"))
	return strings.Join(append(out, boxes...), ", ")
}

// agents lists the agents of this system's machines: the host's view of each machine's process 1.
func (s *system) agents() []int {
	states, _ := filepath.Glob(filepath.Join(s.data(), "machines", "instances", "*", "state.json"))
	var out []int
	for _, path := range states {
		var state struct {
			Process struct {
				PID int `json:"pid"`
			} `json:"process"`
		}
		b, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(b, &state) != nil || state.Process.PID == 0 {
			continue
		}
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", state.Process.PID))
		if err == nil && strings.HasSuffix(exe, "runs-fleet-agent") {
			out = append(out, state.Process.PID)
		}
	}
	return out
}

// await lets time pass until cond holds.
func (s *system) await(limit time.Duration, what string, cond func() bool) {
	s.t.Helper()
	harness.Await(s.t, limit, what, cond, func() string { return "left over: " + s.leftOver() })
}
