package runner

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	renewEvery    = 2 * time.Second // the log flows and a cancellation arrives at this pace
	maxPiece      = 1 << 20         // of the log, in one renewal
	completeTries = 8               // of reporting the result, with pauses of 1, 2, 4 ... seconds
)

// abandoned is the result of a job that GitHub took away while it ran. It is never reported, only printed.
const abandoned = "abandoned"

// perform runs one job in a worker process and reports it. It returns the conclusion.
func (l *listener) perform(ctx context.Context, interrupted <-chan struct{}, def Definition) string {
	var log pending
	worker, err := startWorker(l.root, l.env.job(), order{
		Root: l.root, Runner: l.reg.AgentName, WorkFolder: l.reg.WorkFolder, Definition: def,
	})
	if err != nil {
		log.add(logLine("##[error]The runner could not start its worker: " + err.Error()))
		return l.finish(ctx, def, &log, Result{Conclusion: Failure})
	}
	defer worker.end()
	l.diag.log("INFO", "Worker process %d started for job %d", worker.pid(), def.ID)
	result, lost := l.follow(ctx, interrupted, def, worker, &log)
	if lost {
		return abandoned
	}
	if result == nil {
		status := worker.end()
		log.add(logLine("##[error]The runner's worker ended without a result: " + status))
		l.diag.log("ERR", "Worker ended without a result: %s", status)
		result = &Result{Conclusion: Failure}
	}
	return l.finish(ctx, def, &log, *result)
}

// follow renews the job while its worker runs. It returns the worker's result, if it gave one, and whether the job was
// lost, in which case the worker is stopped.
func (l *listener) follow(
	ctx context.Context, interrupted <-chan struct{}, def Definition, worker *workerProcess, log *pending,
) (result *Result, lost bool) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case report, open := <-worker.reports:
			if !open {
				return result, false
			}
			log.add(report.Log)
			if report.Result != nil {
				result = report.Result
			}
		case <-interrupted:
			interrupted = nil
			l.diag.log("INFO", "Interrupted: cancelling job %d", def.ID)
			worker.cancel()
		case <-tick.C:
			piece := log.piece()
			cancelled, err := l.broker.renew(ctx, def.ID, piece)
			switch {
			case errors.Is(err, errLost), errors.Is(err, errGone):
				l.event("Job %s is no longer this runner's, stopping it", def.Name)
				return nil, true
			case err != nil:
				l.diag.log("WARN", "%v", err)
			default:
				log.sent(piece)
			}
			if cancelled {
				worker.cancel()
			}
		}
	}
}

// finish reports the result, after what a single report of the log cannot hold.
func (l *listener) finish(ctx context.Context, def Definition, log *pending, result Result) string {
	for try, wait := 0, time.Second; ; try, wait = try+1, 2*wait {
		err := l.deliver(ctx, def.ID, log, result)
		switch {
		case err == nil:
			return result.Conclusion
		case errors.Is(err, errLost), errors.Is(err, errGone):
			l.diag.log("WARN", "%v", err)
			return abandoned
		case try == completeTries:
			l.event("The result of job %s could not be reported: %v", def.Name, err)
			return abandoned
		}
		l.diag.log("WARN", "%v; trying again in %s", err, wait)
		if err := l.pause(ctx, wait); err != nil {
			return abandoned
		}
	}
}

func (l *listener) deliver(ctx context.Context, job int64, log *pending, result Result) error {
	for len(log.text) > maxPiece {
		piece := log.piece()
		if _, err := l.broker.renew(ctx, job, piece); err != nil {
			return err
		}
		log.sent(piece)
	}
	if err := l.broker.complete(ctx, job, log.text, result); err != nil {
		return err
	}
	log.text = ""
	return nil
}

// pending is the part of a log that GitHub does not have yet.
type pending struct{ text string }

func (p *pending) add(text string) { p.text += text }

func (p *pending) piece() string { return p.text[:min(len(p.text), maxPiece)] }

func (p *pending) sent(piece string) { p.text = p.text[len(piece):] }

// logLine is a line of a job's log, with the time that GitHub puts before each.
func logLine(text string) string {
	return fmt.Sprintf("%s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z"), text)
}
