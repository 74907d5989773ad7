package dashboard

import (
	"net/http"
	"net/url"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/timeline"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// runnersPage is the list of machines with their runners.
type runnersPage struct {
	Ended       bool
	Machines    []view.Machine
	States      []segment
	Live        int
	Next, First string
}

func (d *Dashboard) runners(r *http.Request) (content, error) {
	q := r.URL.Query()
	p := runnersPage{Ended: q.Get("ended") == "true"}
	cursor := q.Get("cursor")
	page, err := d.Queries.Machines(r.Context(), !p.Ended, cursor, 0)
	if err != nil {
		return content{}, err
	}
	p.Machines = page.Machines
	counts, err := d.Queries.LiveMachines(r.Context())
	if err != nil {
		return content{}, err
	}
	for _, n := range counts {
		p.Live += n
	}
	p.States = segments(counts, d.About.MaxRunners)
	if page.Next != "" {
		p.Next = runnersURL(p.Ended, page.Next)
	}
	if cursor != "" {
		p.First = runnersURL(p.Ended, "")
	}
	return content{Title: "Runners", Nav: "runners", Self: runnersURL(p.Ended, cursor), Data: p}, nil
}

func runnersURL(ended bool, cursor string) string {
	q := url.Values{}
	if ended {
		q.Set("ended", "true")
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return "/runners"
	}
	return "/runners?" + q.Encode()
}

// machinePage is all that is known of a machine.
type machinePage struct {
	view.Machine
	Host        string // of its repository
	Console     bool   // there is something to read of what it printed
	Said        string // the history's word on its state
	Registered  []fleet.Runner
	Parts       []timeline.Part
	Diagnostics string
	History     []happening
}

func (d *Dashboard) machine(r *http.Request) (content, error) {
	m, err := d.Queries.Machine(r.Context(), machineID(r))
	if err != nil {
		return content{}, err
	}
	p := machinePage{
		Machine: view.OfMachine(m), Host: m.Repository.Host, Console: m.State == fleet.MachineFailed || m.Archived, Registered: m.Runners,
		Parts: timeline.Machine(m, d.Clock.Now()), Diagnostics: m.Diagnostics,
	}
	if p.Host == "" {
		p.Host = d.About.GitHub
	}
	for _, e := range view.OfHistory(m.History) {
		if e.Kind == string(m.State) {
			p.Said = e.Text
		}
		p.History = append(p.History, happening{Entry: e, Machine: &m})
	}
	return content{Title: p.ID, Nav: "runners", Self: machineURL(p.Environment, p.Region, p.ID), Data: p}, nil
}
