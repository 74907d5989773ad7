package local_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

// probe is the job of TestIsolation: each line is a try that must fail, as "name: what came of it".
const probe = `
try() { name=$1; shift; if out=$("$@" 2>&1); then echo "$name: GOT IT $out"; else echo "$name: no"; fi; }
sh_try() { name=$1; if out=$(sh -c "$2" 2>&1); then echo "$name: GOT IT $out"; else echo "$name: no"; fi; }
try    token-file       cat "$TOKEN"
sh_try data-folder      'test -n "$(ls -A $DATA)"'
sh_try state-files      'test -n "$(find "$DATA" -name state.json -exec cat {} +)"'
try    secret-beside    cat "$SECRET"
sh_try home             'test -n "$(ls -A /root /home 2>/dev/null | grep -v :)"'
sh_try agent-memory     'dd if=/proc/1/mem of=/dev/null bs=1 count=1'
try    agent-maps       cat /proc/1/maps
try    agent-environ    cat /proc/1/environ
try    agent-descriptors ls -l /proc/1/fd/
sh_try inherited        'ls -l /proc/self/fd /proc/$PPID/fd | grep -E "logs|sock:|state|boot"'
try    agent-folder     ls /proc/1/cwd/
sh_try host-process     'test -d /proc/'$OUTSIDE
try    kill-outside     kill -KILL $OUTSIDE
sh_try kill-agent       'kill -KILL 1; sleep 0.2; test ! -d /proc/1'
sh_try ask-agent-to-end 'kill -TERM 1 && kill -INT 1; sleep 0.2; test ! -d /proc/1'
try    write-usr        touch /usr/bin/rf-was-here
try    write-etc        touch /etc/rf-was-here
try    write-root       mkdir /rf-was-here
try    write-shared     touch "$SHARED/rf-was-here"
try    mount            mount -t tmpfs none /mnt
sh_try unmount          'umount "$DATA" || umount -l /run/runner || umount /dev/shm'
sh_try nested-unmount   'unshare -rm umount "$DATA" || unshare -rm umount /home || unshare -rm umount /run'
try    docker-socket    ls /run/docker.sock /var/run/docker.sock
sh_try disk             'ls /dev | grep -E "^(sd|vd|nvme|dm-|mem$|kmem$)"'
sh_try sudo             'sudo -n true'
try    server-variable  printenv RUNS_FLEET_GITHUB_TOKEN
try    github-token     printenv GITHUB_TOKEN
sh_try capabilities     'grep -E "^Cap(Eff|Prm|Bnd|Amb|Inh):" /proc/self/status | grep -v 0000000000000000'
sh_try privileges       'grep "^NoNewPrivs:.*0" /proc/self/status'
sh_try ipc              'test -n "$(ipcs -m | grep 0x)"'
sh_try many-groups      'test $(id -G | wc -w) -gt 1'
echo "processes: $(ls /proc | grep -c "^[0-9]")"
echo "user: $(id -u)"
echo x > /tmp/mine && echo x > /dev/shm/mine && echo x > $HOME/mine && echo x > /var/tmp/mine && echo writable: own
: > /dev/null && head -c 4 /dev/urandom > /tmp/random && echo devices: ok
`

func TestIsolation(t *testing.T) { testIsolation(t) }

func testIsolation(t *testing.T) {
	outside := exec.Command("sleep", "600")
	if err := outside.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = outside.Process.Kill()
		_ = outside.Wait()
	})
	data := dataFolder(t)
	token, secret := filepath.Join(data, "server.json"), filepath.Join(t.TempDir(), "key.pem")
	for _, path := range []string{token, secret} {
		if err := os.WriteFile(path, []byte("secret"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("RUNS_FLEET_GITHUB_TOKEN", "secret")
	t.Setenv("GITHUB_TOKEN", "secret")
	shared := dataFolder(t) // open to everybody, but not to jobs
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *local.Options) {
		o.Dir = filepath.Join(data, "machines")
		o.Hide = []string{data, secret}
		o.Environment = map[string]string{
			"TOKEN": token, "DATA": data, "SECRET": secret, "SHARED": shared, "OUTSIDE": strconv.Itoa(outside.Process.Pid),
		}
	})
	if os.Getuid() == 0 { // as a server that is in some groups
		setGroups(t, []int{0, 4, 27})
	}
	ids := r.launch(t, "launch-1", 2)
	// The other machine runs a job meanwhile, whose files the first must not see.
	r.order(ids[1], assign("other", "echo private > other-file; sleep 60"))
	r.await(ids[1], "working", func(r agentapi.Report) bool { return r.WorkerRunning })
	said := r.run(t, ids[0], probe)
	t.Logf("isolation %s, the job said:\n%s", r.provider.Isolation(), said)
	lines := map[string]string{}
	for line := range strings.Lines(said) {
		if name, what, found := strings.Cut(strings.TrimSpace(line), ": "); found {
			lines[name] = what
		}
	}
	for line := range strings.Lines(probe) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != "try" && fields[0] != "sh_try" {
			continue
		}
		if got := lines[fields[1]]; got != "no" {
			t.Errorf("%s: %q, want it refused", fields[1], got)
		}
	}
	if lines["writable"] != "own" || lines["devices"] != "ok" {
		t.Errorf("the job cannot use what is its own: %q, %q", lines["writable"], lines["devices"])
	}
	if n, err := strconv.Atoi(lines["processes"]); err != nil || n > 10 {
		t.Errorf("the job sees %q processes", lines["processes"])
	}
	if lines["user"] == "0" {
		t.Error("the job is root")
	}
	if err := outside.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process outside of the machine was ended: %v", err)
	}
	for _, path := range []string{"/tmp/mine", "/dev/shm/mine", "/var/tmp/mine"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("the job's %s is the machine's", path)
		}
	}
}

func setGroups(t *testing.T, groups []int) {
	t.Helper()
	before, err := syscall.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setgroups(groups); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setgroups(before); err != nil {
			t.Error(err)
		}
	})
}

// dataFolder is outside of /tmp where it can be, because a job has its own /tmp anyway.
func dataFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp(".", ".data-") //nolint:usetesting // t.TempDir is below /tmp
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if folder, err = filepath.Abs(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestProbeFindsWhatIsOpen shows that the tries of TestIsolation succeed where nothing is isolated. Only those that read
// are tried.
func TestProbeFindsWhatIsOpen(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	token := filepath.Join(data, "server.json")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *local.Options) {
		o.Dir, o.Isolation = filepath.Join(data, "machines"), local.NoIsolation
		o.Environment = map[string]string{"TOKEN": token, "DATA": data, "SECRET": token, "OUTSIDE": strconv.Itoa(os.Getpid())}
	})
	var script strings.Builder
	open := []string{"token-file", "data-folder", "state-files", "secret-beside", "host-process"}
	for line := range strings.Lines(probe) {
		fields := strings.Fields(line)
		if len(fields) > 1 && (strings.HasSuffix(fields[0], "()") || slices.Contains(open, fields[1])) {
			script.WriteString(line)
		}
	}
	said := r.run(t, r.launch(t, "launch-1", 1)[0], script.String())
	for _, name := range open {
		if !strings.Contains(said, name+": GOT IT") {
			t.Errorf("%s finds nothing where nothing is hidden:\n%s", name, said)
		}
	}
}

// TestIsolationWithoutRoot runs TestIsolation again as a user who is not root: with user namespaces.
func TestIsolationWithoutRoot(t *testing.T) { // failure mode G6
	if os.Getuid() != 0 {
		testIsolation(t) // this is that user
		return
	}
	const nobody = 65534
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(folder, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(temporary, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(installRunner(t), "bin", "Runner.Listener")
	test := filepath.Join(folder, "local.test")
	if err := os.Rename(self, test); err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), test, "-test.run=^(TestIsolation|TestNothingSurvives|TestFolderOfARunner|TestRunningAgentsAreAdopted)$", "-test.v")
	again.Dir = folder
	again.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + temporary, "HOME=" + temporary, agentVariable + "=" + os.Getenv(agentVariable)}
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	output, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "isolation user-namespace") {
		t.Errorf("as another user: %v\n%s", err, output)
	}
}

// survivor tries to outlive its machine.
const survivor = `
setsid nohup sh -c 'exec sleep 54321.MARK' >/dev/null 2>&1 &
(setsid sh -c '(trap "" HUP TERM INT; sleep 54321.MARK; sleep 54321.MARK) & exit 0' &)
echo started > marked
sleep 54321.MARK
`

func TestNothingSurvives(t *testing.T) {
	for name, end := range map[string]func(*rig, *testing.T, string){
		"terminated":        func(r *rig, t *testing.T, id string) { r.terminate(t, id) },
		"the agent killed":  func(r *rig, t *testing.T, id string) { r.killAgent(t, id) },
		"ordered power-off": func(r *rig, _ *testing.T, id string) { r.order(id, agentapi.Orders{Command: agentapi.CommandPowerOff}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			id := r.launch(t, "launch-1", 1)[0]
			mark := strconv.Itoa(os.Getpid()) + strconv.Itoa(len(name))
			r.order(id, assign("runner", strings.ReplaceAll(survivor, "MARK", mark)))
			r.await(id, "working", func(r agentapi.Report) bool { return r.WorkerRunning })
			wait(t, "the job's processes to exist", func() bool { return len(processes("54321."+mark)) >= 3 })
			end(r, t, id)
			r.awaitEnd(t, id)
			if left := processes("54321." + mark); len(left) > 0 {
				t.Errorf("processes %v of the job survived", left)
			}
			wait(t, "its folder to be removed", func() bool {
				_, err := os.Stat(filepath.Join(filepath.Dir(r.provider.LogFolder(id)), "box"))
				return err != nil
			})
		})
	}
}

// processes lists the processes of this machine that have the text in their arguments.
func processes(text string) []string {
	var found []string
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	for _, path := range all {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), text) {
			found = append(found, path)
		}
	}
	return found
}

func (r *rig) terminate(t *testing.T, id string) {
	t.Helper()
	if err := r.provider.Terminate(context.WithoutCancel(t.Context()), site, []string{id}); err != nil {
		t.Fatal(err)
	}
}
