package github

// lane is a class of calls that is counted by itself: GitHub counts secondary points per endpoint.
type lane int

const (
	laneMint lane = iota
	laneRunners
	laneJobs
	laneRuns
	laneReports
	laneOthers
	lanes // how many there are
)

func (l lane) String() string {
	switch l {
	case laneMint:
		return "mint"
	case laneRunners:
		return "runners"
	case laneJobs:
		return "jobs"
	case laneRuns:
		return "runs"
	case laneReports:
		return "reports"
	default:
		return "others"
	}
}

// Points of GitHub's secondary limit (GitHub docs, "Rate limits for the REST API", calculating points).
const (
	pointsPerMinute = 900
	pointsOfRead    = 1
	pointsOfWrite   = 5
)
