package view

import "time"

// About is what does not change while a server runs.
type About struct {
	Version      string    `json:"version" doc:"The server's version" example:"v1.4.0"`
	Fleet        string    `json:"fleet" doc:"The fleet's id, part of every runner's name" example:"f1ee7000"`
	Started      time.Time `json:"started" doc:"When the server started"`
	GitHub       string    `json:"github" doc:"The GitHub host" example:"github.com"`
	Repositories []string  `json:"repositories" doc:"The repositories that are scanned" nullable:"false"`
	Owners       []string  `json:"owners" doc:"Whose repositories may use the fleet" nullable:"false"`
	Intake       string    `json:"intake" enum:"webhook,polling" doc:"How the server learns of jobs"`
	Isolation    string    `json:"isolation" doc:"How jobs are kept apart" example:"user"`
	MaxRunners   int       `json:"max_runners" doc:"The most runners at a time" example:"8"`
}

// Status is the fleet at a glance.
type Status struct {
	About
	At       time.Time      `json:"at" doc:"When this was so"`
	Draining bool           `json:"draining" doc:"Nothing more is launched, idle machines end"`
	Jobs     []Count        `json:"jobs" doc:"Jobs that have not ended, by state" nullable:"false"`
	Machines map[string]int `json:"machines" doc:"Live machines by state"`
	Live     int            `json:"live" doc:"Live machines"`
}

// Count is a number of jobs. Counting ends at a bound, so that a large backlog costs no more than a small one.
type Count struct {
	State string `json:"state" enum:"waiting,queued,in_progress"`
	Count int    `json:"count" example:"12"`
	More  bool   `json:"more,omitempty" doc:"There are more than count"`
}

// LoginURL is a one-time address for a browser.
type LoginURL struct {
	URL string `json:"url" doc:"It logs one browser in, within a day" example:"http://127.0.0.1:8080/login?token=5f2e"`
}

// Drain is how far draining has come.
type Drain struct {
	Draining bool `json:"draining" doc:"Whether the fleet drains"`
	Live     int  `json:"live" doc:"Machines that still live"`
}
