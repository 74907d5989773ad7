package telemetry_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
)

func TestRowsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := seam.System{}
		rows := record.New(memory.New(clock, memory.Options{}))
		site := fleet.Site{Environment: fleet.DefaultEnvironment, Region: "test-1"}
		launch := fleet.Launch{ID: "l-1", Shape: "s", Site: site, Count: 2, Created: clock.Now(), NextCall: clock.Now().Add(5 * time.Second)}
		writes := rows.PutLaunch(record.Kept[fleet.Launch]{}, launch, time.Hour)
		for i, s := range []fleet.MachineState{fleet.MachineStarting, fleet.MachineWorking, fleet.MachineWorking, fleet.MachineGone} {
			m := fleet.Machine{
				ID: fleet.MachineID{Site: site, ID: string(rune('a' + i))}, Shape: "s", State: s, Launched: clock.Now(), Ended: clock.Now(),
			}
			writes = append(writes, rows.PutMachine(record.Kept[fleet.Machine]{}, m, time.Hour)...)
		}
		if err := rows.Commit(t.Context(), writes); err != nil {
			t.Fatal(err)
		}
		m := begin(t, &bytes.Buffer{})
		if err := m.Watch(telemetry.Sources{Records: rows}); err != nil {
			t.Fatal(err)
		}
		all := scrape(t, m)
		for state, want := range map[string]float64{"starting": 1, "ready": 0, "working": 2} {
			if got := value(t, all, "runs_fleet_machines", "state="+state); got != want {
				t.Errorf("%v machines are %s, want %v", got, state, want)
			}
		}
		if got := value(t, all, "runs_fleet_due_lag_seconds"); got != 0 {
			t.Errorf("a row that is due later lags by %v s", got)
		}
		_ = clock.Sleep(t.Context(), 12*time.Second)
		if got := value(t, scrape(t, m), "runs_fleet_due_lag_seconds"); got != 7 {
			t.Errorf("a row that has been due for 7 s lags by %v s", got)
		}
	})
}

func TestAPauseOfGitHubIsCountedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := seam.System{}
		until := clock.Now().Add(time.Minute)
		m := begin(t, &bytes.Buffer{})
		err := m.Watch(telemetry.Sources{GitHub: func() []github.Usage {
			return []github.Usage{{PausedUntil: until}, {PausedUntil: until.Add(-time.Hour)}}
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []float64{60, 20, 0} {
			if got := value(t, scrape(t, m), "runs_fleet_github_pause_seconds"); got != want {
				t.Errorf("the pause is %v s, want %v", got, want)
			}
			_ = clock.Sleep(t.Context(), 40*time.Second)
		}
	})
}
