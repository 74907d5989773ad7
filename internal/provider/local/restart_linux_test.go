package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/local"
)

// restart closes the provider without a word to its agents, as a crash does, and opens the folder again.
func (r *rig) restart(t *testing.T) {
	t.Helper()
	if err := r.provider.Close(); err != nil {
		t.Fatal(err)
	}
	r.open(t)
}

func TestRunningAgentsAreAdopted(t *testing.T) { // RestartSafe, failure mode O10
	r := newRig(t, nil)
	id := r.launch(t, "launch-1", 1)[0]
	r.order(id, assign("runner", "until test -e /tmp/go; do sleep 0.05; done; echo after the restart"))
	r.await(id, "working", func(r agentapi.Report) bool { return r.WorkerRunning })
	pid := r.state(t, id).Process.PID
	r.restart(t)
	if i := r.instance(t, id); !i.State.Live() || r.state(t, id).Process.PID != pid {
		t.Errorf("after the restart: %+v", i)
	}
	if n, err := r.provider.Free(t.Context(), site, fleet.Spec{}); err != nil || n != 2 {
		t.Errorf("Free = %d, %v, want 2 of 3", n, err)
	}
	again := r.launch(t, "launch-1", 1)
	if diff := cmp.Diff([]string{id}, again); diff != "" {
		t.Errorf("the repeated launch made another machine:\n%s", diff)
	}
	other := provider.Request{LaunchID: "launch-1", Site: site, Count: 2}
	if _, err := r.provider.Launch(t.Context(), other); !errors.Is(err, provider.ErrTokenReused) {
		t.Errorf("another request under the same id: %v", err)
	}
	r.terminate(t, id)
	if i := r.instance(t, id); i.State != provider.Terminated {
		t.Errorf("an adopted machine cannot be ended: %+v", i)
	}
	wait(t, "its folder to be removed", func() bool {
		_, err := os.Stat(filepath.Join(r.options.Dir, "instances", id, "box"))
		return err != nil
	})
}

func TestAgentsThatEndedMeanwhileAreNoticed(t *testing.T) {
	r := newRig(t, nil)
	ids := r.launch(t, "launch-1", 2)
	if err := r.provider.Close(); err != nil {
		t.Fatal(err)
	}
	r.killAgent(t, ids[0])
	wait(t, "the agent's end", func() bool {
		b, err := os.ReadFile(filepath.Join("/proc", r.pid(t, ids[0]), "stat"))
		return err != nil || strings.Contains(string(b), ") Z")
	})
	r.open(t)
	if i := r.instance(t, ids[0]); i.State != provider.Terminated || i.Reason == "" {
		t.Errorf("the ended one: %+v", i)
	}
	if i := r.instance(t, ids[1]); !i.State.Live() {
		t.Errorf("the other one: %+v", i)
	}
}

// TestAProcessOfTheSameNumberIsNotAdopted gives a machine the number of a process that started at another time.
func TestAProcessOfTheSameNumberIsNotAdopted(t *testing.T) {
	r := newRig(t, nil)
	id := r.launch(t, "launch-1", 1)[0]
	r.terminate(t, id)
	if err := r.provider.Close(); err != nil {
		t.Fatal(err)
	}
	r.rewrite(t, id, map[string]any{"ended": nil, "process": map[string]any{"pid": os.Getppid(), "start": 1, "boot": bootID(t)}})
	r.open(t)
	if i := r.instance(t, id); i.State != provider.Terminated {
		t.Errorf("%+v: a stranger's process was adopted", i)
	}
}

// TestAHalfStartedMachineIsSettled makes what a server leaves that is killed between the state file and the process.
func TestAHalfStartedMachineIsSettled(t *testing.T) {
	r := newRig(t, nil)
	ids := r.launch(t, "launch-1", 2)
	r.terminate(t, ids[0])
	r.terminate(t, ids[1])
	if err := r.provider.Close(); err != nil {
		t.Fatal(err)
	}
	r.rewrite(t, ids[0], map[string]any{"ended": nil, "process": nil})
	if err := os.RemoveAll(filepath.Join(r.options.Dir, "instances", ids[1])); err != nil {
		t.Fatal(err)
	}
	r.open(t)
	if i := r.instance(t, ids[0]); i.State != provider.Terminated {
		t.Errorf("the half-started one: %+v", i)
	}
	a, err := r.provider.Launch(t.Context(), provider.Request{LaunchID: "launch-1", Site: site, Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.LaunchError{{Code: "StartInterrupted", Message: "the server ended before it had started this machine", Count: 2}}
	if diff := cmp.Diff(want, a.Errors); diff != "" || len(a.Instances) > 0 {
		t.Errorf("the repeated launch answers %+v (-want +got):\n%s", a, diff)
	}
}

// TestAnAgentWithoutConfigurationEnds stands for a server that is killed before it hands the configuration over.
func TestAnAgentWithoutConfigurationEnds(t *testing.T) {
	code, output := runAgent(t, "boot", "")
	if code != 1 || !strings.Contains(output, "the server ended before it handed over the configuration") {
		t.Errorf("status %d, %s", code, output)
	}
}

func TestTokens(t *testing.T) {
	r := newRig(t, func(o *local.Options) { o.Isolation = local.NoIsolation })
	tokens := &recording{}
	r.options.Random = tokens
	r.options.BootDelay = time.Hour // the agent itself does not say hello
	r.restart(t)
	id := r.launch(t, "launch-1", 1)[0]
	token := tokens.longest()
	verify := func(token, key string) (local.Identity, error) {
		return r.provider.Verify(context.Background(), agentapi.Hello{Token: token, KeyHash: key})
	}
	for _, wrong := range []string{"", "x", token[1:], hash(token)} {
		if who, err := verify(wrong, "key"); !errors.Is(err, agentapi.ErrRefused) {
			t.Errorf("token %q: %+v, %v", wrong, who, err)
		}
	}
	want := local.Identity{Site: site, Instance: id, Launch: "launch-1"}
	for range 2 { // the same key may say hello again: rule 3.1
		if who, err := verify(token, "key"); err != nil || who != want {
			t.Errorf("Verify = %+v, %v, want %+v", who, err, want)
		}
	}
	if who, err := verify(token, "another key"); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("a used token with another key: %+v, %v", who, err)
	}
	r.restart(t)
	if who, err := verify(token, "another key"); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("after a restart, a used token with another key: %+v, %v", who, err)
	}
	if who, err := verify(token, "key"); err != nil || who != want {
		t.Errorf("after a restart: %+v, %v", who, err)
	}
	state, err := os.ReadFile(filepath.Join(r.options.Dir, "instances", id, "state.json"))
	if err != nil || strings.Contains(string(state), token) {
		t.Errorf("the state file holds the token: %v", err)
	}
	r.terminate(t, id)
	if who, err := verify(token, "key"); !errors.Is(err, agentapi.ErrRefused) {
		t.Errorf("of an ended machine: %+v, %v", who, err)
	}
}
