package guide_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
	"github.com/runs-fleet/runs-fleet/internal/endtoend/harness"
	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

const (
	token      = "ghp_guide0000000000000000000000000000000"
	repository = "octo-org/octo-repo"
	workflow   = ".github/workflows/hello.yml"
	// blockLimit is how long one block may take.
	blockLimit = 2 * time.Minute
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// reader is somebody who follows the guide: a home, a shell that remembers what was exported, and GitHub.
type reader struct {
	t      *testing.T
	home   string
	env    []string
	github harness.GitHub
	server *harness.Process
	log    *os.File
	runID  int64
}

func newReader(t *testing.T) *reader {
	t.Helper()
	home, err := os.MkdirTemp("", "runs-fleet-guide-") //nolint:usetesting // runners have users of their own, who may not go into t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, home: home}
	r.startGitHub()
	r.makeClone()
	shims := r.makeShims()
	r.env = []string{
		"HOME=" + home, "PATH=" + shims + string(os.PathListSeparator) + os.Getenv("PATH"), "TERM=dumb", "MODULE=" + root(t),
		"GOPATH=" + filepath.Join(home, "go"), "GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE"),
		"RUNS_FLEET_GITHUB_URL=" + r.github.Web.URL + "/api/v3", "RUNS_FLEET_DATA=" + filepath.Join(home, "data"),
		"RUNS_FLEET_LISTEN=127.0.0.1:0", "RUNS_FLEET_RUNNER_DIR=" + filepath.Join(home, "runner"), "RUNS_FLEET_POLL_INTERVAL=500ms",
	}
	t.Cleanup(r.cleanUp)
	return r
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func (r *reader) startGitHub() {
	r.github = harness.StartGitHub(r.t, githubsim.Options{
		PersonalTokens: []githubsim.PersonalToken{{Token: token, Login: "octocat"}},
		Repositories:   []githubsim.RepositorySpec{{Owner: "octo-org", Name: "octo-repo", Private: true, Organization: true}},
	})
}

// installRunner puts the simulated GitHub's runner where the official one would be.
func (r *reader) installRunner() {
	harness.InstallRunner(r.t, filepath.Join(r.home, "runner"), filepath.Join(r.home, "go", "bin", "runs-fleet-demo"))
}

// makeClone makes a clone of a repository with one commit, which is pushed to a folder.
func (r *reader) makeClone() {
	script := `git init -q --bare -b main origin.git && git clone -q origin.git clone 2>&1 && cd clone && git checkout -q -b main &&
git config user.name Octocat && git config user.email octocat@example.com && git commit -q --allow-empty -m "First" && git push -q -u origin main`
	cmd := exec.CommandContext(r.t.Context(), "bash", "-c", script)
	cmd.Dir, cmd.Env = r.home, append(os.Environ(), "HOME="+r.home)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("making a clone: %v\n%s", err, out)
	}
}

// makeShims makes a go command that installs this module as it is here, where the guide asks for the one that is published.
func (r *reader) makeShims() string {
	goCommand, err := exec.LookPath("go")
	r.must(err)
	dir := filepath.Join(r.home, "shims")
	r.must(os.Mkdir(dir, 0o755))
	script := `#!/bin/bash
if [ "$*" = "install github.com/runs-fleet/runs-fleet/cmd/...@latest" ]; then
	cd "$MODULE" && exec env CGO_ENABLED=0 ` + goCommand + ` install -trimpath -ldflags "-s -w" ./cmd/...
fi
exec ` + goCommand + ` "$@"
`
	r.must(os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755))
	return dir
}

func (r *reader) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// shell is the reader's shell with a block to run. It remembers what earlier ones exported.
func (r *reader) shell(ctx context.Context, block architecture.Block) *exec.Cmd {
	exports := filepath.Join(r.home, "exports")
	script := "set -euo pipefail\n[ -e " + exports + " ] && source " + exports + "\n" + block.Text +
		"\nexport -p | grep -E ' (PATH|RUNS_FLEET_CONFIG)=' > " + exports + "\n"
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = filepath.Join(r.home, "clone"), r.env, time.Second
	return cmd
}

// run runs a block, which must succeed, and returns what it printed.
func (r *reader) run(block architecture.Block, input string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), blockLimit) // it cleans up, too
	defer cancel()
	cmd := r.shell(ctx, block)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s:%d: %v\n%s\nprinted:\n%s\nserver:\n%s", block.Document, block.Line, err, block.Text, out, r.serverLog())
	}
	if bytes.Contains(out, []byte(token)) {
		r.t.Errorf("%s:%d: the token is shown", block.Document, block.Line)
	}
	return string(out)
}

// createApp runs the command that leads to GitHub, and goes there.
func (r *reader) createApp(block architecture.Block) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), blockLimit)
	defer cancel()
	cmd := r.shell(ctx, block)
	var said harness.Screen
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	r.must(err)
	defer func() { _ = in.Close() }()
	r.must(cmd.Start())
	b := browser{t: r.t}
	page := b.get(r.said(&said, `(?m)^  (http://127\.0\.0\.1:\d+/\w+)$`))
	b.submit(b.submit(page, r.github.Web.URL), r.github.Web.URL)
	b.submit(b.get(r.said(&said, `(?m)^  (http://\S+/installations/new)$`)), r.github.Web.URL)
	if err := cmd.Wait(); err != nil {
		r.t.Fatalf("%s:%d: %v\n%s", block.Document, block.Line, err, said.String())
	}
}

// said waits until the command has said something.
func (r *reader) said(w *harness.Screen, pattern string) (found string) {
	r.t.Helper()
	r.await(30*time.Second, "the command says "+pattern, func() bool {
		m := regexp.MustCompile(pattern).FindStringSubmatch(w.String())
		if m != nil {
			found = m[1]
		}
		return m != nil
	})
	return found
}

// browser submits the forms of pages as they are.
type browser struct{ t *testing.T }

func (b browser) get(address string) string {
	b.t.Helper()
	resp, err := http.Get(address)
	return b.read(resp, err)
}

func (b browser) read(resp *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %v\n%s", resp.Status, err, body)
	}
	return string(body)
}

func (b browser) submit(page, base string) string {
	b.t.Helper()
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page)
	if action == nil {
		b.t.Fatalf("no form:\n%s", page)
	}
	values := url.Values{}
	for _, f := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		values.Set(f[1], html.UnescapeString(f[2]))
	}
	if option := regexp.MustCompile(`<select name="account"><option>([^<]+)`).FindStringSubmatch(page); option != nil {
		values.Set("account", option[1])
	}
	to := html.UnescapeString(action[1])
	if strings.HasPrefix(to, "/") {
		to = base + to
	}
	resp, err := http.PostForm(to, values)
	return b.read(resp, err)
}

// serve starts the server in the background and waits until it answers.
func (r *reader) serve(block architecture.Block) {
	r.t.Helper()
	var err error
	r.log, err = os.Create(filepath.Join(r.home, "server.log"))
	r.must(err)
	block.Text = "exec " + strings.TrimSpace(block.Text)
	cmd := r.shell(context.WithoutCancel(r.t.Context()), block)
	cmd.Stdout, cmd.Stderr = r.log, r.log
	r.server = harness.Launch(r.t, cmd)
	r.await(30*time.Second, "the server is ready", func() bool {
		_, err := os.Stat(filepath.Join(r.home, "data", "server.json"))
		return err == nil
	})
}

// pushed is what GitHub does when somebody pushes a workflow.
func (r *reader) pushed() {
	r.t.Helper()
	content, err := exec.CommandContext(r.t.Context(), "git", "-C", filepath.Join(r.home, "origin.git"), "show", "main:"+workflow).Output()
	r.must(err)
	r.dispatch(string(content))
}

// dispatch commits the workflow at GitHub, which starts a run of it.
func (r *reader) dispatch(content string) {
	r.t.Helper()
	_, err := r.github.Commit(simclient.File{Repository: repository, Path: workflow, Content: content})
	r.must(err)
	run, err := r.github.Dispatch(simclient.Dispatch{Repository: repository, Path: workflow})
	r.must(err)
	r.runID = run.ID
}

func (r *reader) ended() bool {
	for _, j := range r.github.Jobs(r.runID) {
		if j.Status != "completed" {
			return false
		}
	}
	return len(r.github.Registrations()) == 0
}

// stop is Ctrl-C.
func (r *reader) stop() {
	r.t.Helper()
	r.must(r.server.Cmd.Process.Signal(os.Interrupt))
	r.await(time.Minute, "the server has stopped", r.server.Over)
}

func (r *reader) nothingLeft() {
	r.t.Helper()
	if left := r.github.Registrations(); len(left) > 0 {
		r.t.Errorf("registrations are left: %v", left)
	}
	var boxes []string
	for _, data := range []string{"data", "var/lib/runs-fleet"} {
		found, err := filepath.Glob(filepath.Join(r.home, data, "machines", "instances", "*", "box"))
		r.must(err)
		boxes = append(boxes, found...)
	}
	if len(boxes) > 0 {
		r.t.Errorf("folders of machines are left: %v", boxes)
	}
}

func (r *reader) serverLog() string {
	if r.log == nil {
		return ""
	}
	const enough = 4 << 10
	b, _ := os.ReadFile(r.log.Name())
	return string(b[max(0, len(b)-enough):])
}

func (r *reader) cleanUp() {
	if r.server != nil {
		_ = r.server.Cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = r.server.Wait()                              // as it was told
	}
	if r.log != nil {
		_ = r.log.Close()
	}
	r.github.Close()
	http.DefaultClient.CloseIdleConnections()
	r.must(os.RemoveAll(r.home))
}

// await lets time pass until cond holds.
func (r *reader) await(limit time.Duration, what string, cond func() bool) {
	r.t.Helper()
	harness.Await(r.t, limit, what, cond, r.serverLog)
}
