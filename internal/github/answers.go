package github

import "net/http"

// status is a class of answers, for Usage.
type status int

const (
	statusDone status = iota
	statusUnchanged
	statusRefused
	statusBroken
	statusLimited
	statusNone
	statuses // how many there are
)

func (s status) String() string {
	switch s {
	case statusDone:
		return "2xx"
	case statusUnchanged:
		return "3xx"
	case statusRefused:
		return "4xx"
	case statusBroken:
		return "5xx"
	case statusLimited:
		return "limited"
	default:
		return "no_answer"
	}
}

// Classes lists the classes of endpoints, as in Usage.
func Classes() []string {
	out := make([]string, 0, lanes)
	for l := range lanes {
		out = append(out, l.String())
	}
	return out
}

// Statuses lists the classes of answers, as in Usage: limited is a refusal by one of GitHub's limits, no_answer a call
// whose outcome is unknown.
func Statuses() []string {
	out := make([]string, 0, statuses)
	for s := range statuses {
		out = append(out, s.String())
	}
	return out
}

// statusOf classes an answer that is no refusal by a limit.
func statusOf(code int) status {
	switch {
	case code < http.StatusMultipleChoices:
		return statusDone
	case code < http.StatusBadRequest:
		return statusUnchanged
	case code < http.StatusInternalServerError:
		return statusRefused
	default:
		return statusBroken
	}
}

// count counts an answer.
func (a *account) count(l lane, s status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[l][s]++
}

// answered returns the counts by class of endpoint and of answer; the caller holds a.mu.
func (a *account) answered() map[string]map[string]uint64 {
	out := map[string]map[string]uint64{}
	for l := range lanes {
		out[l.String()] = map[string]uint64{}
		for s := range statuses {
			out[l.String()][s.String()] = a.answers[l][s]
		}
	}
	return out
}
