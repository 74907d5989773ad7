package forecast

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// word is a line that the simulating program writes.
type word struct {
	Started int      `json:"started,omitempty"` // jobs that have begun to run
	Outcome *Outcome `json:"outcome,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// Answer reads a plan, has it simulated, and writes how far it is and at last the outcome: what the simulating program does.
func Answer(in io.Reader, out io.Writer, version string, simulate func(Plan, func(int)) (Outcome, error)) error {
	var plan Plan
	if err := json.NewDecoder(in).Decode(&plan); err != nil {
		return fmt.Errorf("reading a plan from standard input: %w", err)
	}
	e := json.NewEncoder(out)
	last := word{}
	switch {
	case plan.Version != version:
		last.Error = fmt.Sprintf("the simulation is version %s, and it is asked by version %s: install both programs from one build", version, plan.Version)
	case len(plan.Jobs) == 0:
		last.Error = "the plan has no jobs"
	default:
		o, err := simulate(plan, progress(e, len(plan.Jobs)))
		if err != nil {
			last.Error = err.Error()
		} else {
			last.Outcome = &o
		}
	}
	if err := e.Encode(last); err != nil {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	return nil
}

// steps is how many words of progress a simulation says, about.
const steps = 200

func progress(e *json.Encoder, jobs int) func(int) {
	said := 0
	return func(started int) {
		if started-said < max(1, jobs/steps) {
			return
		}
		said = started
		_ = e.Encode(word{Started: started}) // whoever does not read this does not read the outcome, which is an error
	}
}

var errCutShort = errors.New("it ended without an answer")

// Hear reads what a simulating program answers.
func Hear(out io.Reader, started func(int)) (Outcome, error) {
	d := json.NewDecoder(out)
	for {
		var w word
		err := d.Decode(&w)
		switch {
		case errors.Is(err, io.EOF):
			return Outcome{}, errCutShort
		case err != nil:
			return Outcome{}, fmt.Errorf("reading the simulation's answer: %w", err)
		case w.Error != "":
			return Outcome{}, errors.New(w.Error) //nolint:err113 // the other program's words
		case w.Outcome != nil:
			return *w.Outcome, nil
		default:
			started(w.Started)
		}
	}
}
