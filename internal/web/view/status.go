package view

import "time"

// About is what does not change while a server runs.
type About struct {
	Version      string    `json:"version"`
	Fleet        string    `json:"fleet" doc:"The fleet's id, part of every runner's name"`
	Started      time.Time `json:"started"`
	GitHub       string    `json:"github" doc:"The GitHub host"`
	Repositories []string  `json:"repositories" doc:"The repositories that are scanned"`
	Owners       []string  `json:"owners" doc:"Whose repositories may use the fleet"`
	Intake       string    `json:"intake" enum:"webhook,polling" doc:"How the server learns of jobs"`
	Isolation    string    `json:"isolation" doc:"How jobs are kept apart"`
	MaxRunners   int       `json:"max_runners" doc:"The most runners at a time"`
}

// Status is the fleet at a glance.
type Status struct {
	About
	At       time.Time      `json:"at"`
	Draining bool           `json:"draining" doc:"Nothing more is launched, idle machines end"`
	Jobs     []Count        `json:"jobs" doc:"Jobs that have not ended, by state"`
	Machines map[string]int `json:"machines" doc:"Live machines by state"`
	Live     int            `json:"live" doc:"Live machines"`
}

// Count is a number of jobs. Counting ends at a bound, so that a large backlog costs no more than a small one.
type Count struct {
	State string `json:"state"`
	Count int    `json:"count"`
	More  bool   `json:"more,omitempty" doc:"There are more than count"`
}

// LoginURL is a one-time address for a browser.
type LoginURL struct {
	URL string `json:"url"`
}

// Drain is how far draining has come.
type Drain struct {
	Draining bool `json:"draining"`
	Live     int  `json:"live" doc:"Machines that still live"`
}
