// Command large serves the dashboard over a made-up fleet of many jobs in a SQLite file, to look at its pages and to measure
// them as a browser gets them. It prints an address that logs a browser in, and ends with Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/queue/memory"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/web"
	"github.com/runs-fleet/runs-fleet/internal/web/api"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func main() {
	jobs := flag.Int("jobs", 100_000, "how many `jobs` the fleet has had")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *jobs)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run fills a store in a folder of its own and serves it until the context ends.
func run(ctx context.Context, jobs int) (err error) {
	dir, err := os.MkdirTemp("", "runs-fleet-large-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "fleet.db"), seam.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("opening a store: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	records, began := record.New(s), time.Now()
	const fifth, hundredth = 5, 100
	b := webtest.Backlog{Queued: jobs / fifth, Running: jobs / hundredth, Waiting: jobs / hundredth}
	b.Ended = jobs - b.Queued - b.Running - b.Waiting
	if err := webtest.Fill(ctx, records, b, began); err != nil {
		return fmt.Errorf("filling the store: %w", err)
	}
	fmt.Printf("%d jobs stored in %s.\n", jobs, time.Since(began).Round(time.Millisecond))
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	return serve(ctx, l, records, b)
}

func serve(ctx context.Context, l net.Listener, records *record.Records, b webtest.Backlog) error {
	c := &controller.Controller{Config: controller.Config{
		Records: records, Clock: seam.System{}, Queue: memory.New(seam.System{}, seam.Crypto{}, memory.Options{}),
	}}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	none := http.NotFoundHandler()
	site := web.New(web.Config{
		Ready: none, Agent: none, Listen: l.Addr().String(), LocalURL: "http://" + l.Addr().String(), Clock: seam.System{}, Random: seam.Crypto{},
		Ending: ctx.Done(), Sessions: records,
		API: api.Config{
			Queries: query.New(records, seam.System{}), Clock: seam.System{}, Logger: log, Why: c.Why, Reasons: c.Reasons,
			About: view.About{
				Version: "large", Fleet: "f1ee7000", Started: time.Now(), GitHub: webtest.Host, Owners: []string{"acme"}, Intake: "polling",
				Isolation: "user", MaxRunners: 2 * b.Running, Repositories: []string{},
			},
			JobLog:      func(context.Context, fleet.Repository, int64) ([]byte, error) { return nil, controller.ErrNoJob },
			MachineLog:  func(context.Context, fleet.MachineID, fleet.Log) ([]byte, error) { return nil, nil },
			DeadLetters: c.DeadLetters, Redrive: c.Redrive, DeadCount: c.DeadCount,
			Drain: func() {}, Draining: func() bool { return false },
		},
	})
	address, err := site.LoginURL(ctx)
	if err != nil {
		return fmt.Errorf("making an address to log in: %w", err)
	}
	fmt.Println(address)
	server := &http.Server{Handler: site, ReadHeaderTimeout: time.Minute}
	end := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer end()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
