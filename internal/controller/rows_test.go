package controller_test

import (
	"context"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

func TestOneRowThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	// failure mode C10: it is told at each pass, its own instance is kept, and the rest of the sweep is done
	var p *passes
	var rows store.Store
	inWorld(t, func(c *controller.Config) {
		p = watching(t, c)
		rows = memory.New(c.Clock, memory.Options{})
		c.Records = record.New(rows)
	}, func(w *world) {
		w.records = w.ctl.Records
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = true })
		for _, launch := range []string{"l-damaged", "l-lost"} {
			if _, err := w.cloud.Launch(w.t.Context(), provider.Request{LaunchID: launch, Site: w.ctl.Site, Count: 1}); err != nil {
				w.t.Fatal(err)
			}
		}
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = false })
		damaged := fleet.MachineID{Site: w.ctl.Site, ID: "m-0001"} // the first of all lists
		err := rows.Transact(w.t.Context(), []store.Write{store.Put(store.Row{
			Key: store.Key{Partition: "machine/" + damaged.String(), Sort: "machine"}, Value: []byte(`{"state":7}`),
			Index2: store.Key{Partition: "machines/live", Sort: "20000101T000000.000Z#" + damaged.String()},
		}, store.Absent())})
		if err != nil {
			w.t.Fatal(err)
		}
		w.github.queue(1, 10, 10*time.Hour, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.pass(time.Second)
		w.cloud.kill("m-0003") // nobody but the sweep tells that its machine has ended
		w.settle(time.Minute, "the machine that ended is gone from the rows", func() bool {
			m, err := w.records.Machine(w.t.Context(), fleet.MachineID{Site: w.ctl.Site, ID: "m-0003"})
			return err == nil && !m.V.Live()
		})
		w.settle(40*time.Minute, "the instance without a row ended", func() bool { return w.cloud.running() == 1 })
		if alive := w.cloud.alive(); alive[0] != damaged.ID {
			w.t.Errorf("left is %v, want the one whose row cannot be read", alive)
		}
		if ended, failed := p.of(controller.SweepProvider); failed == 0 || ended-failed > 2 { // the first came before the row
			w.t.Errorf("%d of %d passes told of the row", failed, ended)
		}
		if err := p.Close(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	})
}
