package archive_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/archive"
	"github.com/runs-fleet/runs-fleet/internal/blob/file"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

// open returns an archive in files, and another one that finds what the first has kept.
func open(t *testing.T) (first, second *archive.Archive, at *seamtest.Clock) {
	t.Helper()
	at = seamtest.At(time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC))
	s, err := file.Open(t.TempDir(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return archive.New(s, at), archive.New(s, at), at
}

func machine(id string) fleet.MachineID {
	return fleet.MachineID{Site: fleet.Site{Environment: "default", Region: "local"}, ID: id}
}

func keep(t *testing.T, a *archive.Archive, id string, l fleet.Log, text string) {
	t.Helper()
	if err := a.Keep(t.Context(), machine(id), l, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestALogIsKeptForEveryReplica(t *testing.T) {
	one, other, _ := open(t)
	keep(t, one, "m1", fleet.LogConsole, "kernel panic\n")
	keep(t, one, "m1", fleet.LogRunner, "Listening for Jobs\n")
	keep(t, one, "m1", fleet.LogRunner, "Listening for Jobs\n") // repeated
	for l, want := range map[fleet.Log]string{fleet.LogConsole: "kernel panic\n", fleet.LogRunner: "Listening for Jobs\n"} {
		if got, err := other.Log(t.Context(), machine("m1"), l); err != nil || string(got) != want {
			t.Errorf("the %s log is %q, %v; want %q", l, got, err, want)
		}
	}
}

func TestOfALongLogTheEndIsKept(t *testing.T) {
	a, _, _ := open(t)
	keep(t, a, "m1", fleet.LogConsole, "begin"+strings.Repeat("x", 100<<10)+"end")
	got, err := a.Log(t.Context(), machine("m1"), fleet.LogConsole)
	if err != nil || len(got) != 64<<10 || !strings.HasSuffix(string(got), "xend") {
		t.Errorf("%d bytes, %v; want the last 64 KiB", len(got), err)
	}
}

func TestALogThatIsNotKeptIsTold(t *testing.T) {
	a, _, _ := open(t)
	keep(t, a, "m1", fleet.LogRunner, "")
	for _, id := range []string{"m2", "..", ""} {
		if _, err := a.Log(t.Context(), machine(id), fleet.LogRunner); !errors.Is(err, archive.ErrNone) {
			t.Errorf("machine %q: %v, want ErrNone", id, err)
		}
	}
	if got, err := a.Log(t.Context(), machine("m1"), fleet.LogRunner); err != nil || len(got) != 0 {
		t.Errorf("an empty log: %q, %v", got, err)
	}
}

func TestASweepRemovesWhatIsOlderThanTheJobsRows(t *testing.T) {
	a, _, at := open(t)
	keep(t, a, "old", fleet.LogRunner, "x")
	keep(t, a, "old", fleet.LogConsole, "x")
	at.Advance(archive.KeepFor - time.Hour)
	keep(t, a, "young", fleet.LogRunner, "x")
	if n, err := a.Sweep(t.Context()); err != nil || n != 0 {
		t.Errorf("swept %d, %v, before their time", n, err)
	}
	at.Advance(2 * time.Hour)
	if n, err := a.Sweep(t.Context()); err != nil || n != 2 {
		t.Errorf("swept %d, %v, want the two old ones", n, err)
	}
	if _, err := a.Log(t.Context(), machine("old"), fleet.LogRunner); !errors.Is(err, archive.ErrNone) {
		t.Errorf("an old log: %v, want ErrNone", err)
	}
	if got, err := a.Log(t.Context(), machine("young"), fleet.LogRunner); err != nil || string(got) != "x" {
		t.Errorf("a young log: %q, %v", got, err)
	}
}

func TestWhatFailsSaysWhatWasBeingDone(t *testing.T) {
	a, _, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Keep(ctx, machine("m1"), fleet.LogConsole, []byte("x")); err == nil || !strings.Contains(err.Error(), "archiving the console log of default/local/m1") {
		t.Errorf("Keep = %v", err)
	}
	if _, err := a.Log(ctx, machine("m1"), fleet.LogConsole); err == nil || errors.Is(err, archive.ErrNone) {
		t.Errorf("Log = %v, want an error that is not ErrNone", err)
	}
	if _, err := a.Sweep(ctx); err == nil || !strings.Contains(err.Error(), "listing archived logs") {
		t.Errorf("Sweep = %v", err)
	}
}
