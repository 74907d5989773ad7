package fleet

import "time"

// Demand is what GitHub matches jobs and runners by. It knows no region and no market: GitHub knows none.
type Demand struct {
	Host         string   `json:"host"`
	Installation int64    `json:"installation,omitempty"`
	RepositoryID int64    `json:"repository_id,omitempty"`
	Organization int64    `json:"organization_id,omitempty"`
	Group        string   `json:"group,omitempty"`
	Labels       []string `json:"labels"` // case-folded, sorted, without repetition
	Environment  string   `json:"environment"`
}

// DemandKey identifies a demand: 16 hexadecimal characters.
type DemandKey string

// Key is the same for equal demands.
func (d Demand) Key() DemandKey { return DemandKey(digest(d)) }

// DemandState is what is remembered of a demand between decisions.
type DemandState struct {
	Demand     Demand     `json:"demand"`
	Repository Repository `json:"repository"` // where calls for it go
	RawLabels  []string   `json:"raw_labels"` // as GitHub sent them: what runners register with (rule 4.1)
	// Shape is the one shape that the demand belongs to: the one that its newest job resolved to (rule 1.9).
	Shape      ShapeKey      `json:"shape"`
	MaxRuntime time.Duration `json:"max_runtime"`
	// Refusals count refused mints in a row; until RefusedUntil the demand has no need (rule 4.6).
	Refusals     int       `json:"refusals,omitempty"`
	RefusedUntil time.Time `json:"refused_until,omitzero"`
	Refusal      string    `json:"refusal,omitempty"`
	// Unmatched counts runners in a row that listened in vain (rule 5.7); LastStart is the newest in_progress.
	Unmatched int       `json:"unmatched,omitempty"`
	LastStart time.Time `json:"last_start,omitzero"`
}

// MintRefused backs the demand off: 30 s, doubling to 15 minutes (rule 4.6).
func (d DemandState) MintRefused(reason string, now time.Time) DemandState {
	wait := min(refusalFirst<<min(d.Refusals, 5), refusalMost)
	d.Refusals++
	d.Refusal = reason
	d.RefusedUntil = now.Add(wait)
	return d
}

const (
	refusalFirst = 30 * time.Second
	refusalMost  = 15 * time.Minute
)

// Started notes that GitHub gave a job of the demand to a runner, which ends every back-off for want of a match.
func (d DemandState) Started(now time.Time) DemandState {
	d.Unmatched = 0
	if now.After(d.LastStart) {
		d.LastStart = now
	}
	return d
}

// Matches says whether a runner with these labels may be given a job with those: GitHub's superset rule. Both are folded.
func Matches(runner, job []string) bool {
	have := make(map[string]bool, len(runner))
	for _, l := range runner {
		have[l] = true
	}
	for _, l := range job {
		if !have[l] {
			return false
		}
	}
	return true
}
