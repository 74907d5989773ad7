package faultrun_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/endtoend/faultrun"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Three servers, killed every minute, keep every promise while one call of AWS in thirty fails, agents die, webhooks are lost
// and jobs are taken: NoLostJob, NoLeak, NeverKillBusy, OneFleetPerLaunch, BoundedSurplus, RestartSafe, Quiescence.
// `make faults` is the same for longer and with more jobs; its figures are in docs/reliability.md.
//
// The seed is a new one each time and is printed; real time does not repeat itself, but what strikes when does.
func TestFiveMinutesOfFaults(t *testing.T) {
	o := faultrun.Defaults()
	o.Seed, o.Progress = seam.Crypto{}.Uint64(), t.Logf
	o.For, o.Rest = 5*time.Minute, 14*time.Minute
	o.Jobs = 250 // half of what two idle cores do, since other tests run beside this one
	folder := t.TempDir()
	for _, f := range []string{folder, folder + "/.."} { // runners of other users start programs in it
		if err := os.Chmod(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.Folder, o.Programs = folder+"/run", folder+"/bin"
	if err := os.Mkdir(o.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", o.Programs+"/", "../../../cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the programs: %v\n%s", err, out)
	}
	r, err := faultrun.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d\n%s\n%s", r.Seed, r.Markdown(), r.Details())
	for _, v := range r.Violations {
		t.Error(v)
	}
	if !slices.ContainsFunc(r.Kills, func(k *faultrun.Kill) bool { return len(k.Works) > 0 }) {
		t.Error("no server was killed that did the periodic work, although every other one is meant to")
	}
	if len(r.Kills) == 0 || r.Calls.FaultsOf("") == 0 || r.Struck["agents killed"] == 0 {
		t.Errorf("too little went wrong for this to prove anything: %d servers killed, %d faults of AWS, %v", len(r.Kills), r.Calls.FaultsOf(""), r.Struck)
	}
}
