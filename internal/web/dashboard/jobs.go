package dashboard

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// jobsPage is the list of jobs.
type jobsPage struct {
	Filter   query.Filter
	Choices  []choice
	Jobs     []waitingJob
	Exact    *view.Job // the job whose number the search is
	Next     string    // address of the following page
	First    string    // address of the first page, if this is not it
	Filtered bool
}

// choice is a state to choose, or all.
type choice struct {
	Value, Label, Icon string
	Chosen             bool
}

func choices(chosen fleet.JobState) []choice {
	out := []choice{
		{"", "All", "", false},
		{string(fleet.JobQueued), "Queued", "ring", false},
		{string(fleet.JobWaiting), "Held", "pause", false},
		{string(fleet.JobInProgress), "Running", "play", false},
		{string(fleet.JobCompleted), "Ended", "check", false},
	}
	for i := range out {
		out[i].Chosen = out[i].Value == string(chosen)
	}
	return out
}

// maxSearch bounds what is searched for, as the API does.
const maxSearch = 200

func (d *Dashboard) jobs(r *http.Request) (content, error) {
	q := r.URL.Query()
	f := query.Filter{Text: trimmed(q.Get("q")), Repository: trimmed(q.Get("repository")), Cursor: q.Get("cursor")}
	for _, c := range choices("") {
		if c.Value == q.Get("state") {
			f.State = fleet.JobState(c.Value)
		}
	}
	p := jobsPage{Filter: f, Choices: choices(f.State), Filtered: f.Text != "" || f.Repository != "" || f.State != ""}
	page, err := d.Queries.Jobs(r.Context(), f)
	if err != nil {
		return content{}, err
	}
	if p.Exact, err = d.numbered(r, f); err != nil {
		return content{}, err
	}
	if p.Exact != nil {
		page.Jobs = without(page.Jobs, *p.Exact)
	}
	if p.Jobs, err = d.withReasons(r.Context(), page.Jobs); err != nil {
		return content{}, err
	}
	if page.Next != "" {
		p.Next = jobsURL(f, page.Next)
	}
	if f.Cursor != "" {
		p.First = jobsURL(f, "")
	}
	return content{Title: "Jobs", Nav: "jobs", Self: jobsURL(f, f.Cursor), Data: p}, nil
}

func trimmed(s string) string {
	s = strings.TrimSpace(s)
	return strings.ToValidUTF8(s[:min(len(s), maxSearch)], "")
}

// jobNumber finds GitHub's number of a job in what people paste: the number, or the address of its page.
var jobNumber = regexp.MustCompile(`^(?:https?://\S+/job/)?(\d{1,18})(?:[?#]\S*)?$`)

// numbered looks a job up by its number, however old it is.
func (d *Dashboard) numbered(r *http.Request, f query.Filter) (*view.Job, error) {
	m := jobNumber.FindStringSubmatch(f.Text)
	if m == nil || f.Cursor != "" {
		return nil, nil //nolint:nilnil // no such job is no error
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // as above
	}
	j, ok, err := d.Queries.FindJob(r.Context(), fleet.JobID{Host: d.About.GitHub, ID: id})
	if err != nil || !ok {
		return nil, err
	}
	shown := view.OfJob(j, d.Clock.Now())
	return &shown, nil
}

func without(jobs []view.Job, j view.Job) []view.Job {
	out := make([]view.Job, 0, len(jobs))
	for _, other := range jobs {
		if other.ID != j.ID || other.Host != j.Host {
			out = append(out, other)
		}
	}
	return out
}

// jobsURL is the address of a list, without what is empty.
func jobsURL(f query.Filter, cursor string) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": string(f.State), "repository": f.Repository, "q": f.Text, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/jobs"
	}
	return "/jobs?" + q.Encode()
}
