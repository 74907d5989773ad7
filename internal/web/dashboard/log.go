package dashboard

import (
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/joblog"
)

const (
	logDeadline = 30 * time.Second // for GitHub's or the provider's answer
	logLines    = 2000             // the end of a log that a page shows
)

// logPart is a log, or why there is none.
type logPart struct {
	joblog.Log
	Timed   bool   // some line has a time
	Raw     string // address of the whole log as text
	Trouble string
	Retry   string // address to ask again
	Empty   string
}

// jobLog shows the end of the log that GitHub keeps of a job.
func (d *Dashboard) jobLog(r *http.Request) (content, error) {
	j, err := d.jobOf(r)
	if err != nil {
		return content{}, err
	}
	address := jobURL(j.ID.Host, j.ID.ID) + "/log"
	ctx, cancel := d.Clock.WithTimeout(r.Context(), logDeadline)
	defer cancel()
	text, err := d.JobLog(ctx, j.Repository, j.ID.ID)
	if err != nil {
		d.Logger.WarnContext(ctx, "reading a job's log from GitHub", "job", j.ID.ID, "error", err)
		return content{}, partError{http.StatusBadGateway, logPart{
			Trouble: "GitHub did not give the log. A job that never ran has none, and old logs are deleted; the server's log has GitHub's answer.", Retry: address,
		}}
	}
	return content{Data: logPart{Log: joblog.Parse(text, logLines), Timed: true, Raw: "/api/v1" + address, Empty: "The log is empty."}}, nil
}

// consoleLog shows what a machine printed while it booted.
func (d *Dashboard) consoleLog(r *http.Request) (content, error) {
	return d.machineLog(r, fleet.LogConsole, "console", logPart{
		Trouble: "The boot log could not be read, neither where it is kept nor from the provider; the server's log says why.",
		Empty:   "The machine has printed nothing, or it is kept no longer.",
	})
}

// runnerLog shows the end of a runner's own log that was archived.
func (d *Dashboard) runnerLog(r *http.Request) (content, error) {
	return d.machineLog(r, fleet.LogRunner, "runner", logPart{
		Trouble: "The runner's log could not be read from where it is kept; the server's log says why.",
		Empty:   "The agent has reported nothing of the runner, or it is kept no longer.",
	})
}

// machineLog shows a log of a machine, whose row may be kept no longer.
func (d *Dashboard) machineLog(r *http.Request, l fleet.Log, page string, part logPart) (content, error) {
	id := machineID(r)
	ctx, cancel := d.Clock.WithTimeout(r.Context(), logDeadline)
	defer cancel()
	text, err := d.MachineLog(ctx, id, l)
	if err != nil {
		d.Logger.WarnContext(ctx, "reading a machine's log", "machine", id.String(), "log", l, "error", err)
		part.Retry = machineURL(id.Site.Environment, id.Site.Region, id.ID) + "/" + page
		return content{}, partError{http.StatusBadGateway, part}
	}
	part.Trouble = ""
	if len(text) == 0 {
		if _, err := d.Queries.Machine(ctx, id); err != nil { // there never was such a machine, or nothing of it is kept
			return content{}, err
		}
	} else {
		part.Log, part.Raw = joblog.Parse(text, logLines), "/api/v1"+machineURL(id.Site.Environment, id.Site.Region, id.ID)+"/logs/"+string(l)
	}
	return content{Data: part}, nil
}

func machineID(r *http.Request) fleet.MachineID {
	return fleet.MachineID{Site: fleet.Site{Environment: r.PathValue("environment"), Region: r.PathValue("region")}, ID: r.PathValue("id")}
}
