package label

import "fmt"

// Title is the error in one line of a commit's list of checks: the label itself stands beside it anyway.
func (e *Error) Title() string {
	return fmt.Sprintf("%.60s: %s; %s", e.Segment, e.Reason, e.Suggestion)
}
