package dashboard

import (
	"context"
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
	m, err := d.Queries.Machine(r.Context(), machineID(r))
	if err != nil {
		return content{}, err
	}
	text, err := d.console(r.Context(), m.ID)
	if err != nil {
		return content{}, partError{http.StatusBadGateway, logPart{
			Trouble: "The provider did not give the boot log; the server's log has its answer.",
			Retry:   machineURL(m.ID.Site.Environment, m.ID.Site.Region, m.ID.ID) + "/console",
		}}
	}
	return content{Data: logPart{Log: joblog.Parse(text, logLines), Empty: "The machine has printed nothing, or the provider keeps it no longer."}}, nil
}

func (d *Dashboard) console(ctx context.Context, id fleet.MachineID) ([]byte, error) {
	ctx, cancel := d.Clock.WithTimeout(ctx, logDeadline)
	defer cancel()
	text, err := d.ConsoleLog(ctx, id)
	if err != nil {
		d.Logger.WarnContext(ctx, "reading a machine's console log", "machine", id.String(), "error", err)
	}
	return text, err
}

func machineID(r *http.Request) fleet.MachineID {
	return fleet.MachineID{Site: fleet.Site{Environment: r.PathValue("environment"), Region: r.PathValue("region")}, ID: r.PathValue("id")}
}
