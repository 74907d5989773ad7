// Package label gives the labels of a job's runs-on their meaning: it finds the label that is ours, reads its segments
// and resolves them, under one revision of the fleet's configuration, into what a machine must be. It is pure. Every
// refusal is an *Error that names the offending segment and says what to write instead, because its reader is a workflow
// author who sees nothing of the fleet but that sentence.
package label

import (
	"errors"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Marker begins every label that is ours.
const Marker = "runs-fleet"

// MaxLength is the longest label, in characters, that GitHub's runner registration takes.
const MaxLength = 256

// ErrNotOurs says that no label of the job is ours and none is an alias, so the job is none of this fleet's business.
var ErrNotOurs = errors.New("no label of the job begins with " + Marker)

// Platform is an operating system on a processor architecture.
type Platform struct {
	OS   fleet.OS
	Arch fleet.Arch
}

// Environment is what labels need to know of an environment.
type Environment struct {
	Name    string
	Regions []string // which labels may name; nil: every region
	Private bool     // machines have no public address
}

// Runner is a named runner of the configuration: a partial spec, whose zero fields take the defaults of the grammar.
// A CPU without upper bound gets one of twice its lower bound, as in a label.
type Runner struct {
	Spec fleet.Spec
}

// Fleet is what labels can refer to. Its zero value has one environment, fleet.DefaultEnvironment, serves every platform
// and configures nothing else. Names are matched without regard to case, as GitHub matches labels.
type Fleet struct {
	Environments       []Environment // none: only the default environment
	DefaultEnvironment string        // empty: fleet.DefaultEnvironment
	Runners            map[string]Runner
	Pools              []string
	Images             []string
	// Aliases maps a plain label to a label of ours without marker: ubuntu-4core to cpu=4/arch=arm64.
	Aliases map[string]string
	// Platforms are those that can be served; nil: all.
	Platforms []Platform
	// RefuseGenericLabels makes a generic label beside ours an error: at organisation scope, where a runner with such a
	// label could be taken by any job of the organisation. Otherwise it is a warning.
	RefuseGenericLabels bool
}

// Resolve gives the meaning of a job's labels. It returns ErrNotOurs if none is ours and none an alias, and an *Error if
// one is ours but wrong. Equal meanings give equal specs, however they are written.
func Resolve(labels []string, f Fleet) (fleet.Resolved, error) {
	r, _, err := resolve(labels, f)
	return r, err
}

func resolve(labels []string, f Fleet) (fleet.Resolved, *request, error) {
	src, err := find(labels, f)
	if err != nil {
		return fleet.Resolved{}, nil, err
	}
	req, fault := src.read(f)
	if fault != nil {
		return fleet.Resolved{}, nil, src.locate(fault)
	}
	res, fault := req.resolve()
	if fault != nil {
		return fleet.Resolved{}, nil, src.locate(fault)
	}
	res.Warnings, err = genericLabels(labels, f)
	if err != nil {
		return fleet.Resolved{}, nil, err
	}
	return res, req, nil
}

// Error is a label that cannot be served. Label[Position:Position+len(Segment)] is Segment.
type Error struct {
	Label      string `json:"label"`
	Segment    string `json:"segment"`
	Position   int    `json:"position"` // in bytes
	Reason     string `json:"reason"`
	Suggestion string `json:"suggestion"` // what to write or do instead
}

// Error names the segment, the reason and the remedy. Of a label that is far too long it shows the beginning.
func (e *Error) Error() string {
	if e.Segment == e.Label {
		return fmt.Sprintf("label %.280q: %s; %s", e.Label, e.Reason, e.Suggestion)
	}
	return fmt.Sprintf("label %.280q: segment %.280q: %s; %s", e.Label, e.Segment, e.Reason, e.Suggestion)
}

// fault is an error before it is known which label it is in.
type fault struct {
	seg        segment
	reason     string
	suggestion string
}
