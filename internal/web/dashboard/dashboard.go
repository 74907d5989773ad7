// Package dashboard is what browsers see. Pages are made on the server; whatever they show comes from package query.
package dashboard

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

//go:embed pages/*.html
var pages embed.FS

//go:embed static
var static embed.FS

// Config is what the pages show.
type Config struct {
	Queries  *query.Queries
	About    view.About
	Draining func() bool
	Why      func(context.Context, fleet.JobID) (string, error)
	Logger   *slog.Logger
}

// The bounds of the status page's lists. The rest is a number and a command.
const (
	waitingShown  = 8
	runningShown  = 20
	endedShown    = 10
	machinesShown = 50
)

type waitingJob struct {
	view.Job
	Why string
}

// status is what the page shows.
type status struct {
	view.Status
	Waiting  []waitingJob
	Backlog  int // jobs that wait, shown or not, as far as they are counted
	Unshown  int // of the backlog
	Running  []view.Job
	Ended    []view.Job
	Machines []view.Machine
	States   []view.Count // of machines, in order of their life
}

// New returns the status page.
func New(c Config) http.Handler {
	page := parse("status.html")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := c.status(r.Context())
		if err != nil {
			if r.Context().Err() == nil {
				c.Logger.ErrorContext(r.Context(), "making the status page", "error", err)
			}
			show(w, http.StatusInternalServerError, parse("message.html"), message{
				Title: "The fleet cannot be read", Text: "The server could not read its own records; its log says why. This page tries again by itself.", Refresh: 5,
			})
			return
		}
		show(w, http.StatusOK, page, s)
	})
}

func (c Config) status(ctx context.Context) (status, error) {
	counts, err := c.Queries.Status(ctx, c.About, c.Draining())
	if err != nil {
		return status{}, err
	}
	out := status{Status: counts, States: machineStates(counts.Machines)}
	for _, state := range []fleet.JobState{fleet.JobQueued, fleet.JobWaiting} {
		page, err := c.Queries.Jobs(ctx, query.Filter{State: state, Limit: waitingShown})
		if err != nil {
			return status{}, err
		}
		for _, j := range page.Jobs {
			why, err := c.Why(ctx, fleet.JobID{Host: j.Host, ID: j.ID})
			if err != nil {
				return status{}, err
			}
			out.Waiting = append(out.Waiting, waitingJob{j, why})
		}
	}
	for _, n := range counts.Jobs {
		if n.State != string(fleet.JobInProgress) {
			out.Backlog += n.Count
		}
	}
	out.Unshown = max(0, out.Backlog-len(out.Waiting))
	running, err := c.Queries.Jobs(ctx, query.Filter{State: fleet.JobInProgress, Limit: runningShown})
	if err != nil {
		return status{}, err
	}
	ended, err := c.Queries.Jobs(ctx, query.Filter{State: fleet.JobCompleted, Limit: endedShown})
	if err != nil {
		return status{}, err
	}
	machines, err := c.Queries.Machines(ctx, true, "", machinesShown)
	if err != nil {
		return status{}, err
	}
	out.Running, out.Ended, out.Machines = running.Jobs, ended.Jobs, machines.Machines
	return out, nil
}

// machineStates puts counts in the order of a machine's life.
func machineStates(counts map[string]int) []view.Count {
	life := []fleet.MachineState{
		fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening, fleet.MachineWorking, fleet.MachineRetiring,
	}
	var out []view.Count
	for state, n := range counts {
		out = append(out, view.Count{State: state, Count: n})
	}
	slices.SortFunc(out, func(a, b view.Count) int {
		return slices.Index(life, fleet.MachineState(a.State)) - slices.Index(life, fleet.MachineState(b.State))
	})
	return out
}

// message is a page with one thing to say.
type message struct {
	Title, Text, Command string
	Refresh              int
	Home                 bool
}

// LoggedOut tells a browser how to log in.
func LoggedOut(w http.ResponseWriter) {
	show(w, http.StatusUnauthorized, parse("message.html"), message{
		Title:   "You are not logged in",
		Text:    "The server printed a one-time address when it started. If it has been used, this command prints another:",
		Command: "runs-fleet login",
	})
}

// Goodbye says that a browser has logged out.
func Goodbye(w http.ResponseWriter) {
	show(w, http.StatusOK, parse("message.html"), message{
		Title: "You have logged out", Text: "This command prints an address that logs a browser in again:", Command: "runs-fleet login",
	})
}

// Welcome takes a browser that has just logged in to the first page.
func Welcome(w http.ResponseWriter) {
	show(w, http.StatusOK, parse("message.html"), message{Title: "Welcome", Text: "You are logged in.", Home: true})
}

// NotFound says that there is no such page.
func NotFound(w http.ResponseWriter) {
	show(w, http.StatusNotFound, parse("message.html"), message{Title: "There is no such page", Text: "The fleet is at the first page."})
}

// Static serves style sheets and icons.
func Static() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil { // the folder is part of the program
		panic("dashboard: " + err.Error())
	}
	return http.FileServerFS(files)
}

func parse(name string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{
		"span": span, "when": when, "plural": plural,
	}).ParseFS(pages, "pages/layout.html", "pages/"+name))
}

// show writes a whole page or none.
func show(w http.ResponseWriter, code int, page *template.Template, data any) {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "layout", data); err != nil { // a template that does not fit its data
		http.Error(w, "this page is broken: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = b.WriteTo(w)
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func span(seconds float64) string { return view.Span(time.Duration(seconds * float64(time.Second))) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
