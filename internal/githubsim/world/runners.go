package world

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Runner is one registration.
type Runner struct {
	ID        int64
	Scope     *Scope
	Group     *RunnerGroup
	Name      string
	Labels    []string
	Ephemeral bool
	Foreign   bool // not ours: the simulator itself plays it
	OS        string
	Version   string

	secret     string
	createdAt  time.Time
	session    string
	polls      int       // long polls that are open
	seenAt     time.Time // last call of the session
	offlineAt  time.Time // since when it has no session
	idleEnd    time.Time // when it is removed for idling; zero without that fault
	job        *Job
	assignedAt time.Time
	gone       bool
}

// Job returns the job that the runner was sent or runs, or nil.
func (r *Runner) Job() *Job { return r.job }

// Online says whether the runner is connected.
func (r *Runner) Online() bool { return r.session != "" }

// Busy is what GitHub's API says, which may lag.
func (w *World) Busy(r *Runner, now time.Time) bool {
	return r.job != nil && now.Sub(r.assignedAt) >= time.Duration(w.faults.BusyLag)
}

// The refusals of registration and removal.
var (
	ErrNameTaken = errors.New("already exists")
	ErrNoGroup   = errors.New("no such runner group")
	ErrBusy      = errors.New("is still running a job")
)

// InvalidError is a request that GitHub answers with 422.
type InvalidError struct{ Message string }

func (e *InvalidError) Error() string { return e.Message }

// Registration limits of GitHub.
const (
	maxLabels      = 100
	maxLabelLength = 256
	maxNameLength  = 64
)

var runnerName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Register creates a just-in-time registration and returns it with its secret.
func (w *World) Register(s *Scope, name string, groupID int64, labels []string, now time.Time) (*Runner, string, error) {
	if err := checkRegistration(name, labels); err != nil {
		return nil, "", err
	}
	group := s.Group(groupID)
	if group == nil {
		return nil, "", ErrNoGroup
	}
	if w.RunnerNamed(s, name) != nil {
		return nil, "", fmt.Errorf("a runner with the name %s %w", name, ErrNameTaken)
	}
	runner := w.register(s, group, name, labels, now)
	runner.Ephemeral = true
	runner.OS = "unknown"
	runner.secret = w.random.Token(secretBytes)
	w.secrets[runner.secret] = runner
	return runner, runner.secret, nil
}

const secretBytes = 32

func (w *World) register(s *Scope, group *RunnerGroup, name string, labels []string, now time.Time) *Runner {
	w.nextRunner++ // runner ids are small numbers at GitHub
	runner := &Runner{
		ID: w.nextRunner, Scope: s, Group: group, Name: name, Labels: append([]string(nil), labels...), createdAt: now, offlineAt: now,
	}
	w.runners = append(w.runners, runner)
	return runner
}

func checkRegistration(name string, labels []string) error {
	if name == "" || len(name) > maxNameLength || !runnerName.MatchString(name) {
		return &InvalidError{Message: fmt.Sprintf("Invalid runner name %q: 1 to %d of the characters A-Z a-z 0-9 . _ -", name, maxNameLength)}
	}
	if len(labels) == 0 || len(labels) > maxLabels {
		return &InvalidError{Message: fmt.Sprintf("Invalid number of labels: %d, expected 1 to %d", len(labels), maxLabels)}
	}
	for _, label := range labels {
		if strings.TrimSpace(label) == "" || len(label) > maxLabelLength {
			return &InvalidError{Message: fmt.Sprintf("Invalid label %q: 1 to %d characters", label, maxLabelLength)}
		}
	}
	return nil
}

// Runners returns the registrations of a scope, oldest first.
func (w *World) Runners(s *Scope) []*Runner {
	var found []*Runner
	for _, r := range w.runners {
		if r.Scope == s {
			found = append(found, r)
		}
	}
	return found
}

// AllRunners returns every registration, oldest first.
func (w *World) AllRunners() []*Runner { return append([]*Runner(nil), w.runners...) }

// RunnerNamed finds a registration by name, whose case GitHub ignores, or returns nil.
func (w *World) RunnerNamed(s *Scope, name string) *Runner {
	for _, r := range w.runners {
		if r.Scope == s && strings.EqualFold(r.Name, name) {
			return r
		}
	}
	return nil
}

// Runner finds a registration by id, or returns nil.
func (w *World) Runner(s *Scope, id int64) *Runner {
	for _, r := range w.runners {
		if r.Scope == s && r.ID == id {
			return r
		}
	}
	return nil
}

// Delete removes a registration as the API does: a busy one is refused, except by fault, in which case its job goes on.
func (w *World) Delete(r *Runner, now time.Time) error {
	refused := r.job != nil
	switch {
	case refused && w.Chance(w.faults.DeleteBusyAnswered):
		refused = false
	case !refused && w.Chance(w.faults.DeleteIdleRefused):
		refused = true
	}
	if refused {
		return fmt.Errorf("runner %q %w", r.Name, ErrBusy)
	}
	if r.job != nil && r.job.assigned == r {
		w.requeue(r.job, now)
	}
	w.remove(r)
	return nil
}

// remove takes the registration from every list. A job that it runs goes on: the secret serves that job only.
func (w *World) remove(r *Runner) {
	w.changes++
	r.gone = true
	r.session = ""
	kept := w.runners[:0]
	for _, other := range w.runners {
		if other != r {
			kept = append(kept, other)
		}
	}
	w.runners = kept
	if r.job == nil {
		delete(w.secrets, r.secret)
	}
}

// removeRegistrations lets registrations end that idle (a fault) or that were not connected for long.
func (w *World) removeRegistrations(now time.Time) {
	for _, r := range w.AllRunners() {
		switch {
		case r.job != nil:
		case r.session != "":
			if !r.idleEnd.IsZero() && !now.Before(r.idleEnd) {
				w.remove(r)
			}
		case r.Ephemeral && now.Sub(r.offlineAt) >= w.slow(EphemeralOfflineLimit),
			!r.Ephemeral && now.Sub(r.offlineAt) >= w.slow(PersistentOfflineLimit):
			w.remove(r)
		}
	}
}

// Registered reports how many registrations the scope had since then, and forgets older ones.
func (s *Scope) Registered(since time.Time) int {
	for len(s.registrations) > 0 && s.registrations[0].Before(since) {
		s.registrations = s.registrations[1:]
	}
	return len(s.registrations)
}

// CountRegistration notes one registration for the limit.
func (s *Scope) CountRegistration(now time.Time) { s.registrations = append(s.registrations, now) }
