package runner

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nektos/act/pkg/model"
	"github.com/sirupsen/logrus"
)

// drainedCommand is the workflow command with which the shell of a failed step asks whether all its output has arrived.
const drainedCommand = "x-step-drained"

// jobLog makes a job's log, and the record of its steps, of what act logs while it runs. It is act's formatter: act calls
// it for one entry at a time, and continues when it returns.
type jobLog struct {
	write   func(string)
	masks   []string
	control string // see stepshell.go
	// stopping is true once the job was cancelled or its time is up.
	stopping func() bool

	setup, complete stepRecord
	records         []*stepRecord
	byID            map[string]*stepRecord
	tolerated       bool // the step that ends next failed, and continue-on-error says to go on
}

func newJobLog(def Definition, write func(string)) *jobLog {
	l := &jobLog{write: write, byID: map[string]*stepRecord{}, stopping: func() bool { return false }}
	l.setup.Name, l.complete.Name = "Set up job", "Complete job"
	for _, secret := range def.Secrets {
		l.mask(secret)
	}
	return l
}

// mask hides a value from now on, and each line of it.
func (l *jobLog) mask(secret string) {
	for _, value := range append(strings.Split(secret, "\n"), secret) {
		if value = strings.TrimSpace(value); value != "" {
			l.masks = append(l.masks, value)
		}
	}
}

func (l *jobLog) masked(text string) string {
	for _, secret := range l.masks {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// line adds a line to the log.
func (l *jobLog) line(format string, values ...any) {
	text := strings.TrimRight(l.masked(fmt.Sprintf(format, values...)), "\r\n")
	l.write(logLine(text))
}

func (l *jobLog) setUp(runner string) {
	l.setup.begin()
	l.line("Current runner version: '%s'", Version)
	l.line("Runner name: '%s'", runner)
	if host, err := os.Hostname(); err == nil {
		l.line("Machine name: '%s'", host)
	}
}

func (l *jobLog) completeJob() {
	l.complete.begin()
	l.complete.end(Success)
}

// WithJobLogger makes this log act's logger of the job.
func (l *jobLog) WithJobLogger() *logrus.Logger {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetFormatter(l)
	logger.SetLevel(logrus.DebugLevel) // a skipped step is told at this level only
	return logger
}

// Format takes one entry of act.
func (l *jobLog) Format(entry *logrus.Entry) ([]byte, error) {
	if _, output := entry.Data["raw_output"]; output {
		if entry.Level <= logrus.InfoLevel {
			l.line("%s", entry.Message)
		}
		return nil, nil
	}
	if command, found := entry.Data["command"].(string); found {
		l.command(command, entry)
		return nil, nil
	}
	step := l.step(entry)
	result := fmt.Sprint(entry.Data["stepResult"])
	switch {
	case entry.Data["stepResult"] != nil && entry.Data["step"] == l.setup.Name:
		l.setup.end(result)
		l.useWorkspace()
	case step != nil && entry.Data["stepResult"] != nil:
		l.ended(step, result)
	case step != nil && strings.HasPrefix(entry.Message, startPrefix):
		step.begin()
		step.Name = stepName(step.model, strings.TrimPrefix(entry.Message, startPrefix))
		l.line("##[group]Run %s", firstLine(strings.TrimPrefix(step.Name, "Run ")))
		l.line("##[endgroup]")
	case entry.Message == "Failed but continue next step":
		l.tolerated = true
	case entry.Level == logrus.WarnLevel:
		l.line("##[warning]%s", entry.Message)
	case entry.Level < logrus.WarnLevel:
		l.failure(step, entry.Message)
	}
	return nil, nil
}

// startPrefix begins act's line for the start of a step.
const startPrefix = "\u2B50 Run Main "

// step is the record of the step that an entry is about, and nil when it is about none, or a part of a composite action.
func (l *jobLog) step(entry *logrus.Entry) *stepRecord {
	ids, _ := entry.Data["stepID"].([]string)
	if len(ids) != 1 || entry.Data["stage"] != "Main" {
		return nil
	}
	return l.byID[ids[0]]
}

func (l *jobLog) ended(step *stepRecord, result string) {
	if result == Failure && l.tolerated {
		l.line("##[error]The step failed; the job goes on, since the step has continue-on-error.")
		result = Success
	}
	l.tolerated = false
	step.end(result)
}

var exitStatus = regexp.MustCompile(`^exit status (\d+)`)

// stepStopped is how act says that it killed a step: for a cancellation, or because the step's own time was up.
const stepStopped = "this step has been cancelled"

// failure logs an error as GitHub words it.
func (l *jobLog) failure(step *stepRecord, message string) {
	found := exitStatus.FindStringSubmatch(message)
	switch {
	case found != nil:
		l.line("##[error]Process completed with exit code %s.", found[1])
	case strings.HasPrefix(message, stepStopped):
		endStepSession(l.control)
		if l.stopping() {
			l.line("##[error]The operation was canceled.")
			if step != nil {
				step.Conclusion = Cancelled
			}
		} else if step != nil {
			l.line("##[error]The action '%s' has timed out after %s minutes.", step.Name, step.model.TimeoutMinutes)
		}
	default:
		l.line("##[error]%s", message)
		if step != nil && step.CompletedAt == nil {
			step.end(Failure)
		}
	}
}

// command logs what a step asked for with a workflow command (::error::, ::group:: and so on).
func (l *jobLog) command(name string, entry *logrus.Entry) {
	arg, _ := entry.Data["arg"].(string)
	raw, _ := entry.Data["raw"].(string)
	switch name {
	case "add-mask":
		l.mask(arg)
	case "error", "warning", "notice", "group":
		l.line("##[%s]%s", name, arg)
	case "endgroup":
		l.line("##[endgroup]")
	case drainedCommand:
		markDrained(l.control, arg)
	case "ignored":
		if shell, asked := strings.CutPrefix(strings.TrimSpace(raw), "::"+drainedCommand+"::"); asked {
			markDrained(l.control, shell)
		} else {
			l.line("%s", raw)
		}
	default:
		// Outputs, variables, paths, states and summaries leave no line in GitHub's log either.
	}
}

// useWorkspace replaces the folder that act made as the job's workspace by a link to the real one, which the official
// runner puts elsewhere.
func (l *jobLog) useWorkspace() {
	work := filepath.Dir(l.control)
	made, err := filepath.Glob(filepath.Join(work, "_actions", "*", "hostexecutor"))
	workspaces, errHere := filepath.Glob(filepath.Join(work, "[^_]*", "*"))
	if err != nil || errHere != nil || len(workspaces) != 1 {
		return
	}
	for _, folder := range made {
		if os.Remove(folder) == nil {
			_ = os.Symlink(workspaces[0], folder)
		}
	}
}

// outputs are the job's, without the empty ones and without those that would carry a secret to another job.
func (l *jobLog) outputs(all map[string]string) map[string]string {
	kept := make(map[string]string, len(all))
	for name, value := range all {
		switch {
		case value == "":
		case l.masked(value) != value:
			l.line("##[warning]Skip output '%s' since it may contain secret.", name)
		default:
			kept[name] = value
		}
	}
	return kept
}

// stepRecord is a step as it will be reported.
type stepRecord struct {
	Step
	model *model.Step
}

func (r *stepRecord) begin() { now := time.Now().UTC(); r.StartedAt = &now }

func (r *stepRecord) end(conclusion string) {
	now := time.Now().UTC()
	if conclusion != Skipped {
		r.CompletedAt = &now
	}
	r.Conclusion = conclusion
}

// expect tells which steps the job has. Their ids are those that act gives them.
func (l *jobLog) expect(steps []*model.Step) {
	for i, step := range steps {
		id := step.ID
		if id == "" {
			id = fmt.Sprint(i)
		}
		record := &stepRecord{model: step, Step: Step{Name: stepName(step, step.String())}}
		l.records = append(l.records, record)
		l.byID[id] = record
	}
}

// steps are all steps of the ended job.
func (l *jobLog) steps(conclusion string) []Step {
	if l.setup.Conclusion == "" {
		l.setup.end(conclusion)
	}
	list := []Step{l.setup.Step}
	for _, record := range l.records {
		if record.Conclusion == "" {
			record.Conclusion = Skipped
			if record.StartedAt != nil {
				record.end(conclusion)
			}
		}
		record.Name = l.masked(record.Name)
		list = append(list, record.Step)
	}
	if l.complete.StartedAt != nil {
		list = append(list, l.complete.Step)
	}
	return list
}

// stepName is what GitHub shows for a step: its name, or else the first line of what it runs.
func stepName(step *model.Step, text string) string {
	if step.Name != "" {
		return firstLine(text)
	}
	return "Run " + firstLine(text)
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return first
}
