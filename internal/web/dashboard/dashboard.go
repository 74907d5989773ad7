// Package dashboard is what browsers see. Pages are made on the server; whatever they show comes from package query. A page
// has a part that lives: the same address, asked for as an event stream, sends that part anew whenever it has changed.
package dashboard

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/dashboard/assets"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Config is what the pages show and do.
type Config struct {
	Queries *query.Queries
	About   view.About
	Clock   seam.Clock
	Logger  *slog.Logger
	// Draining says whether the fleet drains; Drain begins it and returns at once.
	Draining func() bool
	Drain    func()
	// Reasons says of each job, in one sentence, why it waits.
	Reasons func(context.Context, []fleet.JobID) ([]string, error)
	// JobLog and MachineLog fetch the log of a job that has ended, and a log of a machine.
	JobLog     func(context.Context, fleet.Repository, int64) ([]byte, error)
	MachineLog func(context.Context, fleet.MachineID, fleet.Log) ([]byte, error)
	// DeadLetters lists the oldest messages that could not be applied; Redrive returns all of them to the queue.
	DeadLetters func(ctx context.Context, limit int) ([]controller.DeadLetter, error)
	Redrive     func(context.Context) (int, error)
	// DeadCount says how many there are, at once.
	DeadCount func(context.Context) int
	// Ending is closed when the server begins to stop: streams end, so that it need not wait for them.
	Ending <-chan struct{}
	// Pause waits between two looks of a stream; Clock.Sleep if nil.
	Pause func(context.Context, time.Duration) error
	// Secure says that browsers come by https.
	Secure bool
}

// Dashboard makes the pages.
type Dashboard struct {
	Config
	assets  *assets.Assets
	message *template.Template
	routes  []Route
	streams chan struct{} // a place for each open stream
}

// Route is one address of the dashboard, for who is logged in.
type Route struct {
	Pattern string
	Handler http.Handler
}

// New parses the pages.
func New(c Config) *Dashboard {
	if c.Pause == nil {
		c.Pause = c.Clock.Sleep
	}
	d := &Dashboard{Config: c, assets: assets.New(), streams: make(chan struct{}, maxStreams)}
	d.message = d.parse("message.html")
	d.page("GET /{$}", "overview.html", d.overview)
	d.page("GET /jobs", "jobs.html", d.jobs)
	d.page("GET /jobs/{host}/{id}", "job.html", d.job)
	d.page("GET /runners", "runners.html", d.runners)
	d.page("GET /machines/{environment}/{region}/{id}", "machine.html", d.machine)
	d.page("GET /queue", "queue.html", d.queue)
	d.part("GET /jobs/{host}/{id}/log", "log.html", d.jobLog)
	d.part("GET /machines/{environment}/{region}/{id}/console", "log.html", d.consoleLog)
	d.part("GET /machines/{environment}/{region}/{id}/runner", "log.html", d.runnerLog)
	d.action("POST /drain", d.drain)
	d.action("POST /queue/redrive", d.redrive)
	return d
}

// Routes are the addresses for who is logged in.
func (d *Dashboard) Routes() []Route { return d.routes }

// Static serves what pages fetch; everybody may have it.
func (d *Dashboard) Static() http.Handler { return d.assets }

func (d *Dashboard) page(pattern, file string, build maker) {
	t := d.parse(file)
	d.routes = append(d.routes, Route{pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if wantsStream(r) {
			d.stream(w, r, t, build)
			return
		}
		d.servePage(w, r, t, build)
	})})
}

func (d *Dashboard) part(pattern, file string, build maker) {
	t := d.parse(file)
	d.routes = append(d.routes, Route{pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.servePart(w, r, t, build)
	})})
}

func (d *Dashboard) action(pattern string, act http.HandlerFunc) {
	d.routes = append(d.routes, Route{pattern, act})
}

// drain begins to drain the fleet and returns to the overview, which shows how far it has come.
func (d *Dashboard) drain(w http.ResponseWriter, r *http.Request) {
	d.Drain()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
