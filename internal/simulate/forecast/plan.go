package forecast

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Plan is all that a simulated fleet and its jobs depend on: the same plan has the same outcome, to the last step.
type Plan struct {
	Version       string        `json:"version"` // of the program that made it: both must be of one version
	Seed          uint64        `json:"seed"`
	Jobs          []Job         `json:"jobs"`        // in the order in which they are queued
	MaxRunners    int           `json:"max_runners"` // machines at a time; 0 is no limit
	Boot          Spread        `json:"boot"`        // from the order of a machine until it speaks to the fleet
	Poll          time.Duration `json:"poll"`        // how often GitHub is asked for jobs; 0: it tells of them by webhook
	Interruptions float64       `json:"interruptions"`
	Faults        bool          `json:"faults"` // everything that may go wrong does, as in the tests
}

// Job is one job that will be queued.
type Job struct {
	At     time.Duration `json:"at"`     // when, since the beginning
	Runs   time.Duration `json:"runs"`   // how long it takes once it runs
	Labels []string      `json:"labels"` // of its runs-on, which may say ${{ github.run_id }}
}

// Outcome is what became of a plan. Times count from its beginning.
type Outcome struct {
	Jobs     []Served       `json:"jobs"` // as in the plan
	Machines []Machine      `json:"machines"`
	Ended    time.Duration  `json:"ended"` // when the last job was over and the last machine was gone
	Faults   map[string]int `json:"faults,omitempty"`
	Steps    int            `json:"steps"`
	Hash     uint64         `json:"hash"` // of everything that happened, in its order
}

// Served is what became of a job.
type Served struct {
	Queued     time.Duration `json:"queued"`
	Started    time.Duration `json:"started"` // meaningful if Ran
	Ended      time.Duration `json:"ended"`
	Ran        bool          `json:"ran"`
	Conclusion string        `json:"conclusion"` // GitHub's word: success, failure, cancelled
	Machine    int           `json:"machine"`    // that ran it, an index of the outcome's; -1 if none is known
}

// Machine is one machine that was paid for.
type Machine struct {
	Ordered time.Duration `json:"ordered"`
	Booted  time.Duration `json:"booted"` // when its agent began to speak; 0 if it never did
	Ended   time.Duration `json:"ended"`
	Busy    time.Duration `json:"busy"` // for how long it ran a job
	Ran     bool          `json:"ran"`  // it had a job
	Spec    fleet.Spec    `json:"spec"`
	Market  fleet.Market  `json:"market"`
}

// Life is how long the machine was paid for.
func (m Machine) Life() time.Duration { return max(0, m.Ended-m.Ordered) }
