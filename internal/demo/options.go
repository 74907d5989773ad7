package demo

import (
	"io"
	"time"
)

// Options say what the demo does. The zero value of a field means what its comment says.
type Options struct {
	Once      bool     // end by itself, when all jobs have
	JSON      bool     // a report for programs, at the end, instead of the table
	Workflows []string // files to run; the examples when empty and Jobs is 0
	Jobs      int      // a burst of so many jobs besides the files; none
	Poll      bool     // the server asks GitHub for jobs; otherwise GitHub sends webhooks
	Token     bool     // the server acts with a person's token; otherwise as an App
	AWS       bool     // three servers on DynamoDB, SQS and S3, emulated; one server with everything embedded
	Keep      bool     // leave the folder with the server's data and logs

	ServerBinary string        // runs-fleet; the one beside this program
	AgentBinary  string        // runs-fleet-agent; the one beside the server's binary
	Isolation    string        // the server's setting; its default
	MaxRunners   int           // the server's setting; 8, since the examples' jobs only print
	BootDelay    time.Duration // an artificial time that each machine takes to start; none
	PollInterval time.Duration // with Poll; one second
	Timeout      time.Duration // for all jobs to end; 5 minutes

	Out, Err io.Writer
	Width    int  // of the terminal that Out is; 0 if it is none, and lines are then only ever added
	Height   int  // of the same
	Color    bool // whether Out may be coloured
}

func (o Options) withDefaults() Options {
	const (
		usualPoll    = time.Second
		usualTimeout = 5 * time.Minute
		usualRunners = 8
	)
	if o.MaxRunners == 0 {
		o.MaxRunners = usualRunners
	}
	if o.PollInterval == 0 {
		o.PollInterval = usualPoll
	}
	if o.Timeout == 0 {
		o.Timeout = usualTimeout
	}
	return o
}
