package fleet

import "time"

// JobState is GitHub's status of a job, in the order of rule 5.2.
type JobState string

// The states of a job.
const (
	JobWaiting    JobState = "waiting"
	JobQueued     JobState = "queued"
	JobInProgress JobState = "in_progress"
	JobCompleted  JobState = "completed"
)

// Rank orders the states: within an epoch a job's rank only rises.
func (s JobState) Rank() int {
	switch s {
	case JobWaiting:
		return 1
	case JobQueued:
		return 2
	case JobInProgress:
		return 3
	case JobCompleted:
		return 4
	default:
		return 0
	}
}

// Sighting is one statement of GitHub about one job: a webhook, or the authoritative answer of a GET or a listing.
type Sighting struct {
	Job        int64      `json:"job"`
	Run        int64      `json:"run"`
	Attempt    int        `json:"attempt,omitempty"`
	Repository Repository `json:"repository"`
	State      JobState   `json:"state"`
	Conclusion string     `json:"conclusion,omitempty"`
	// Runner is the name of the runner that has the job, empty while none has.
	Runner   string   `json:"runner,omitempty"`
	RunnerID int64    `json:"runner_id,omitempty"`
	Labels   []string `json:"labels,omitempty"` // as GitHub spells them
	Name     string   `json:"name,omitempty"`
	Workflow string   `json:"workflow,omitempty"`
	HeadSHA  string   `json:"head_sha,omitempty"`
	Branch   string   `json:"branch,omitempty"`
	URL      string   `json:"url,omitempty"`
	// Created is when the job was made or queued; Started and Ended are GitHub's times, zero if it says none.
	Created time.Time `json:"created,omitzero"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// RunAlive is false once the job's whole run is over; only an authoritative sighting sets it.
	RunAlive bool `json:"run_alive,omitempty"`
	// Authoritative is true for the answer of a GET or a listing, begun at Asked.
	Authoritative bool      `json:"authoritative,omitempty"`
	Asked         time.Time `json:"asked,omitzero"`
	// Delivery is the webhook's GUID.
	Delivery string `json:"delivery,omitempty"`
}
