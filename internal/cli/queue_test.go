package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func TestMessagesThatCouldNotBeAppliedAreListedAndTriedAnew(t *testing.T) {
	w := webtest.New(t)
	at := ofWorld(t, w)
	at.env.Clock = w.Clock
	if code := at.run("queue", "dead"); code != cli.ExitOK || at.out.String() != "None: every message was applied.\n" {
		t.Errorf("code %d: %s%s", code, at.out.String(), at.err.String())
	}
	unread := controller.DeadLetter{Message: "m2", Sent: webtest.Noon(), Receives: 10}
	w.SetDead(controller.DeadLetter{
		Message: "m1", Sent: webtest.Noon().Add(-2 * time.Hour), Receives: 10, Reason: record.Reason{Text: "a bug was met", At: webtest.Noon()},
		Job: &fleet.Sighting{Job: 7, Repository: fleet.Repository{Host: webtest.Host, Owner: "acme", Name: "app"}},
	}, unread)
	want := []string{"SENT TRIED JOB REPOSITORY REASON", "2 h 0 m 10 7 acme/app a bug was met", "0.0 s 10 - It is not known why; the server's log may say."}
	code := at.run("queue", "dead")
	var got []string
	for line := range strings.Lines(at.out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if diff := cmp.Diff(want, got); diff != "" || code != cli.ExitOK {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
	if at.run("queue", "dead", "--limit", "1"); !strings.Contains(at.out.String(), "There are more") {
		t.Errorf("one of two: %s", at.out.String())
	}
	var d view.DeadLetters
	if code := at.run("queue", "dead", "--output", "json"); code != cli.ExitOK || json.Unmarshal(at.out.Bytes(), &d) != nil || len(d.Messages) != 2 || d.More {
		t.Errorf("code %d: %s", code, at.out.String())
	}
	if code := at.run("queue", "redrive"); code != cli.ExitOK || at.out.String() != "2 messages are tried anew.\n" {
		t.Errorf("code %d: %s%s", code, at.out.String(), at.err.String())
	}
	w.SetDead(unread)
	if at.run("queue", "redrive"); at.out.String() != "1 message is tried anew.\n" {
		t.Errorf("of one: %s", at.out.String())
	}
	if at.run("queue", "redrive", "-o", "json"); strings.Join(strings.Fields(at.out.String()), "") != `{"returned":0}` {
		t.Errorf("of none: %s", at.out.String())
	}
	if at.run("queue", "redrive"); at.out.String() != "There was none to return.\n" {
		t.Errorf("of none: %s", at.out.String())
	}
	for _, args := range [][]string{{"queue", "dead", "--limit", "0"}, {"queue", "dead", "--limit", "201"}, {"queue", "ded"}} {
		if code := at.run(args...); code != cli.ExitUsage {
			t.Errorf("%v: code %d", args, code)
		}
	}
}
