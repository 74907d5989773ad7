package guide_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

// TestOperationsWork follows docs/operations.md: it installs the service, backs it up, restores and upgrades it. The places of
// the system are folders of the test, systemctl starts what the unit says with the powers that it says, and a job runs before
// and after.
func TestOperationsWork(t *testing.T) {
	r := newReader(t)
	r.run(architecture.Block{Text: "go install github.com/runs-fleet/runs-fleet/cmd/...@latest"}, "")
	r.installRunner()
	r.asSystem()
	t.Cleanup(r.stopService)
	for _, block := range blocks(t, "docs/operations.md") {
		if !block.Is("sh") {
			continue
		}
		if !block.Is("sh", "operations") {
			t.Fatalf("%s:%d: a block that no test runs: %v", block.Document, block.Line, block.Info)
		}
		block.Text = r.places(block.Text)
		switch {
		case block.Is("sh", "operations", "token"):
			r.run(block, token+"\n")
		case block.Is("sh", "operations", "restore"):
			r.serviceAnswers()
			if out := r.cli("status"); os.Geteuid() == 0 && !regexp.MustCompile(`Isolation +user`).MatchString(out) {
				t.Errorf("with the powers of the unit, runners have no user of their own:\n%s", out)
			}
			r.aJobRuns()
			r.run(block, "")
			r.serviceAnswers()
			if left := r.cli("jobs", "--output", "json"); strings.Contains(left, `"id"`) {
				t.Errorf("a job that ran after the back-up is known after the restore:\n%s", left)
			}
			r.aJobRuns()
		default:
			r.run(block, "")
		}
	}
	r.serviceAnswers()
	r.nothingLeft()
}

// systemPlaces are the folders of the system that the page names.
const systemPlaces = `(^|[\s"'=:(])/?(usr/local/bin|etc/runs-fleet|etc/systemd/system|var/lib/runs-fleet|var/backups)\b`

// places puts the folders of the system below the reader's home.
func (r *reader) places(text string) string {
	text = strings.ReplaceAll(text, "-C / ", "-C "+r.home+" ")
	return regexp.MustCompile(systemPlaces).ReplaceAllStringFunc(text, func(found string) string {
		if before, after, absolute := strings.Cut(found, "/"); absolute && len(before) <= 1 {
			return before + filepath.Join(r.home, after)
		}
		return found // relative to the folder that tar is told
	})
}

// asSystem makes the folders, and commands that stand for sudo and systemctl.
func (r *reader) asSystem() {
	for _, dir := range []string{"usr/local/bin", "etc/systemd/system", "var/lib", "var/backups"} {
		r.must(os.MkdirAll(filepath.Join(r.home, dir), 0o755))
	}
	r.must(os.Symlink(filepath.Join(root(r.t), "deploy"), filepath.Join(r.home, "clone", "deploy")))
	unit, pid := filepath.Join(r.home, "etc/systemd/system/runs-fleet.service"), filepath.Join(r.home, "pid")
	systemctl := `#!/bin/bash
set -euo pipefail
unit=` + unit + ` pid=` + pid + `
start() {
	[ -e "$pid" ] && return
	mkdir -p -m 0700 ` + r.home + `/var/lib/runs-fleet
	mapfile -t environment < <(sed -n 's/^Environment=//p' "$unit" | sed -E 's,=/(etc|var)/,=` + r.home + `/\1/,')
	command=` + r.home + `$(sed -n 's/^ExecStart=//p' "$unit")
	powers=()
	if [ "$(id -u)" -eq 0 ]; then
		caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
		powers=(setpriv --no-new-privs --bounding-set="-all,$caps")
	fi
	rm -f ` + r.home + `/var/lib/runs-fleet/server.json
	setsid env "${environment[@]}" "${powers[@]}" $command >>` + r.home + `/server.log 2>&1 </dev/null &
	echo $! >"$pid"
	grep -q '^Type=notify$' "$unit" || return 0
	until [ -e ` + r.home + `/var/lib/runs-fleet/server.json ]; do kill -0 "$(cat "$pid")"; sleep 0.1; done
}
stop() {
	[ -e "$pid" ] || return 0
	kill "-$(sed -n 's/^KillSignal=SIG//p' "$unit")" "$(cat "$pid")"
	while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.1; done
	rm "$pid"
}
case "$1 ${2:-} ${3:-}" in
"daemon-reload  ") ;;
"enable --now runs-fleet" | "start runs-fleet ") start ;;
"stop runs-fleet ") stop ;;
"restart runs-fleet ") stop; start ;;
*) echo "systemctl: what is $*?" >&2; exit 1 ;;
esac
`
	for name, script := range map[string]string{"systemctl": systemctl, "sudo": "#!/bin/bash\nexec \"$@\"\n"} {
		r.must(os.WriteFile(filepath.Join(r.home, "shims", name), []byte(script), 0o755))
	}
	r.must(os.Remove(filepath.Join(r.home, "exports"))) // the shell of before
	r.env = append(r.env, "RUNS_FLEET_CONFIG="+filepath.Join(r.home, "etc/runs-fleet/settings.yml"))
	for i, e := range r.env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			r.env[i] = "PATH=" + filepath.Join(r.home, "usr/local/bin") + string(os.PathListSeparator) + path
		}
		if strings.HasPrefix(e, "RUNS_FLEET_DATA=") {
			r.env[i] = "RUNS_FLEET_DATA=" + filepath.Join(r.home, "var/lib/runs-fleet")
		}
	}
	log, err := os.Create(filepath.Join(r.home, "server.log"))
	r.must(err)
	r.log = log
}

func (r *reader) stopService() {
	r.run(architecture.Block{Text: "[ ! -e ../etc/systemd/system/runs-fleet.service ] || systemctl stop runs-fleet"}, "")
}

func (r *reader) cli(args ...string) string {
	r.t.Helper()
	return r.run(architecture.Block{Text: "runs-fleet " + strings.Join(args, " ")}, "")
}

func (r *reader) serviceAnswers() {
	r.t.Helper()
	r.await(30*time.Second, "the service answers", func() bool {
		return strings.Contains(r.run(architecture.Block{Text: "runs-fleet status 2>&1 || true"}, ""), "Repositories")
	})
}

// aJobRuns lets a job run on the service, up to the end of its machine.
func (r *reader) aJobRuns() {
	r.t.Helper()
	r.dispatch("on: workflow_dispatch\njobs:\n  hello:\n    runs-on: runs-fleet\n    steps:\n      - run: echo hello\n")
	r.await(time.Minute, "the job has ended well and its runner is gone", func() bool {
		return r.ended() && strings.Contains(r.cli("jobs"), "success")
	})
}
