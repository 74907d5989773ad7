package forecast

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Past are jobs that were read from a file.
type Past struct {
	Jobs []Job
	// LeftOut counts those of whom it is not known how long they ran: they wait, run, or never had a runner.
	LeftOut int
}

// pastJob is one job as a file has it: what `runs-fleet jobs --all --output json` prints, of which these are enough.
type pastJob struct {
	Labels  []string  `json:"labels"`
	Created time.Time `json:"created"`
	Queued  time.Time `json:"queued"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Ran     float64   `json:"ran_seconds"`
}

// ReadJobs reads jobs that really were: JSON as `runs-fleet jobs --all --output json` prints it, or CSV with the columns
// created, duration and labels. If labels are given, every job gets those in place of its own.
func ReadJobs(data []byte, labels []string) (Past, error) {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	var jobs []datedJob
	var left int
	var err error
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		jobs, left, err = readJSON(trimmed)
	} else {
		jobs, err = readCSV(trimmed)
	}
	if err != nil {
		return Past{}, err
	}
	if len(jobs) == 0 {
		return Past{}, fmt.Errorf("it has no job that has ended (%d have not): a forecast needs to know how long jobs run", left) //nolint:err113 // for people
	}
	if len(jobs) > MostJobs {
		return Past{}, fmt.Errorf("it has %d jobs; the most are %d", len(jobs), MostJobs) //nolint:err113 // for people
	}
	slices.SortStableFunc(jobs, func(a, b datedJob) int { return a.at.Compare(b.at) })
	past := Past{LeftOut: left}
	for _, j := range jobs {
		j.At = j.at.Sub(jobs[0].at)
		if len(labels) > 0 {
			j.Labels = labels
		}
		past.Jobs = append(past.Jobs, j.Job)
	}
	return past, checkPast(jobs, past.Jobs)
}

// datedJob is a job with the moment at which it was queued and where in the file it stands.
type datedJob struct {
	Job

	at    time.Time
	where string
}

// LongestSpan bounds what a file covers.
const LongestSpan = 62 * 24 * time.Hour

var errSpan = errors.New("it covers more than two months: simulate a part of it")

// checkPast looks at labels once each: most jobs have those of another.
func checkPast(dated []datedJob, jobs []Job) error {
	if jobs[len(jobs)-1].At > LongestSpan {
		return errSpan
	}
	seen := map[string]bool{}
	for i, j := range jobs {
		set := strings.Join(j.Labels, ",")
		if seen[set] {
			continue
		}
		seen[set] = true
		if err := CheckLabels(j.Labels); err != nil {
			return fmt.Errorf("%s, labels %s: %w (--label gives all jobs of the file other labels)", dated[i].where, strings.Join(j.Labels, ", "), err)
		}
	}
	return nil
}

func readJSON(data []byte) (jobs []datedJob, left int, err error) {
	var page struct {
		Jobs []pastJob `json:"jobs"`
	}
	if data[0] == '[' {
		err = json.Unmarshal(data, &page.Jobs)
	} else {
		err = json.Unmarshal(data, &page)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading it as JSON: %w", err)
	}
	for i, p := range page.Jobs {
		ran := time.Duration(p.Ran * float64(time.Second))
		if !p.Ended.IsZero() && !p.Started.IsZero() && p.Ended.After(p.Started) {
			ran = p.Ended.Sub(p.Started)
		}
		at := p.Queued
		if at.IsZero() {
			at = p.Created
		}
		if at.IsZero() {
			return nil, 0, fmt.Errorf("job %d of the file has neither \"queued\" nor \"created\"", i+1) //nolint:err113 // for people
		}
		if p.Ended.IsZero() || ran <= 0 {
			left++
			continue
		}
		jobs = append(jobs, datedJob{Job{Runs: min(ran, LongestJob), Labels: p.Labels}, at, fmt.Sprintf("job %d of the file", i+1)})
	}
	return jobs, left, nil
}

var errColumns = errors.New(`it is neither JSON as runs-fleet jobs --all --output json prints it nor CSV whose first line is created,duration,labels`)

func readCSV(data []byte) ([]datedJob, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.TrimLeadingSpace, r.Comment = true, '#'
	head, err := r.Read()
	if err != nil {
		return nil, errColumns
	}
	created, duration, labels := slices.Index(head, "created"), slices.Index(head, "duration"), slices.Index(head, "labels")
	if created < 0 || duration < 0 {
		return nil, errColumns
	}
	var jobs []datedJob
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return jobs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading it as CSV: %w", err)
		}
		line, _ := r.FieldPos(0)
		j := datedJob{where: fmt.Sprintf("line %d", line), Job: Job{Labels: []string{"runs-fleet"}}}
		if j.at, err = time.Parse(time.RFC3339, row[created]); err != nil {
			return nil, fmt.Errorf("%s: created is a moment such as 2026-03-02T09:15:00Z, not %q", j.where, row[created]) //nolint:err113 // for people
		}
		if j.Runs, err = csvDuration(row[duration]); err != nil {
			return nil, fmt.Errorf("%s: duration is a number of seconds or for example 4m30s, not %q", j.where, row[duration]) //nolint:err113 // for people
		}
		if labels >= 0 && row[labels] != "" {
			j.Labels = strings.Fields(strings.ReplaceAll(row[labels], ";", " "))
		}
		jobs = append(jobs, j)
	}
}

func csvDuration(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(seconds, 'f', -1, 64) + "s"
	}
	return parseDuration(text)
}
