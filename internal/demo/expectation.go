package demo

import (
	"fmt"
	"regexp"
	"strings"
)

// Outcome is how a job ends, in the words of GitHub's conclusions, or that its label was reported as wrong.
type Outcome string

// The outcomes that a workflow can expect.
const (
	Success    Outcome = "success"
	Failure    Outcome = "failure"
	Cancelled  Outcome = "cancelled"
	Skipped    Outcome = "skipped"
	LabelError Outcome = "label-error"
)

// expectations are what a workflow file says of its own jobs, in comments:
//
//	# expect: failure           every job that no other line names; success without such a line
//	# expect deploy: skipped    the job with this key
type expectations struct {
	others Outcome
	jobs   map[string]Outcome
}

var expectLine = regexp.MustCompile(`^\s*#\s*expect(?:\s+([A-Za-z_][\w-]*))?\s*:\s*(\S+)\s*$`)

func parseExpectations(workflow string) (expectations, error) {
	e := expectations{others: Success, jobs: map[string]Outcome{}}
	number := 0
	for line := range strings.Lines(workflow) {
		number++
		found := expectLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if found == nil {
			continue
		}
		outcome := Outcome(found[2])
		switch outcome {
		case Success, Failure, Cancelled, Skipped, LabelError:
		default:
			return e, fmt.Errorf("line %d expects %q, which is none of success, failure, cancelled, skipped, label-error", number, found[2])
		}
		if found[1] == "" {
			e.others = outcome
		} else {
			e.jobs[found[1]] = outcome
		}
	}
	return e, nil
}

// of is the outcome that is expected of the job with a key.
func (e expectations) of(job string) Outcome {
	if outcome, named := e.jobs[job]; named {
		return outcome
	}
	return e.others
}
