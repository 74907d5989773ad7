package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/timeline"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// functions are what templates call.
func (d *Dashboard) functions() template.FuncMap {
	return template.FuncMap{
		"asset": d.assets.URL, "about": func() view.About { return d.About },
		"span": spanOf, "duration": view.Span, "since": d.since, "ago": d.ago, "clock": clock, "when": when, "plural": plural, "icon": icon,
		"jobURL": jobURL, "machineURL": machineURL, "stateWord": stateWord, "stateIcon": stateIcon, "percent": percent,
		"short": short, "place": place, "round": round, "isolationText": isolationText,
	}
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func spanOf(seconds float64) string { return view.Span(time.Duration(seconds * float64(time.Second))) }

// since is a duration that goes on; the browser counts it.
func (d *Dashboard) since(t time.Time) template.HTML {
	// The time is ours and so is the text: neither can hold anything of a job's.
	return template.HTML(fmt.Sprintf(`<time data-since="%s">%s</time>`, t.UTC().Format(time.RFC3339Nano), view.Span(d.Clock.Now().Sub(t)))) //nolint:gosec // as said
}

func (d *Dashboard) ago(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s" data-since="%s" data-coarse="1">%s</time> ago`, when(t), when(t), //nolint:gosec // as above
		t.UTC().Format(time.RFC3339Nano), coarse(d.Clock.Now().Sub(t))))
}

// coarse is a duration in one unit.
func coarse(d time.Duration) string {
	fields := strings.Fields(view.Span(d))
	return strings.TrimSuffix(fields[0], ".0") + " " + fields[1]
}

// round is a duration without a second unit that is nothing.
func round(d time.Duration) string {
	text := view.Span(d)
	for _, nothing := range []string{" 0 s", " 0 m", " 0 h"} {
		text = strings.TrimSuffix(text, nothing)
	}
	return strings.Replace(text, ".0 s", " s", 1)
}

// isolationText says how jobs are kept apart.
func isolationText(kind string) string {
	switch kind {
	case "none":
		return "NONE: a job can do whatever the server's user can"
	case "user":
		return "each job has a user and namespaces of its own"
	case "namespace":
		return "each job has namespaces of its own"
	default:
		return kind
	}
}

// clock is a time of day; the browser puts it into its zone.
func clock(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-clock="1">%s</time>`, t.UTC().Format(time.RFC3339Nano), t.UTC().Format("15:04:05Z"))) //nolint:gosec // as above
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func jobURL(host string, id int64) string {
	return fmt.Sprintf("/jobs/%s/%d", url.PathEscape(host), id)
}

func machineURL(environment, region, id string) string {
	return "/machines/" + url.PathEscape(environment) + "/" + url.PathEscape(region) + "/" + url.PathEscape(id)
}

// percent writes a share for an SVG attribute.
func percent(share float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", math.Max(0, share)*100), "0"), ".") + "%"
}

// short cuts a commit's hash.
func short(sha string) string {
	const most = 7
	if len(sha) > most {
		return sha[:most]
	}
	return sha
}

// stateWord is the word of a job's or machine's state that people read.
func stateWord(state, conclusion string) string {
	switch {
	case state == string(fleet.JobCompleted) && conclusion == "":
		return "ended"
	case state == string(fleet.JobCompleted):
		return strings.ReplaceAll(conclusion, "_", " ")
	case state == string(fleet.JobInProgress):
		return "running"
	case state == string(fleet.JobWaiting):
		return "held by GitHub"
	default:
		return state
	}
}

// stateIcon names the shape of a state, so that no state is told by its colour alone.
func stateIcon(state, conclusion string) string {
	switch fleet.JobState(state) {
	case fleet.JobQueued:
		return "ring"
	case fleet.JobWaiting:
		return "pause"
	case fleet.JobInProgress:
		return "play"
	case fleet.JobCompleted:
		return conclusionIcon(conclusion)
	default:
		return machineIcon(fleet.MachineState(state))
	}
}

func conclusionIcon(conclusion string) string {
	switch conclusion {
	case "success":
		return "check"
	case "failure", "timed_out", "startup_failure":
		return "cross"
	case "cancelled":
		return "slash"
	default:
		return "dash"
	}
}

func machineIcon(s fleet.MachineState) string {
	switch s {
	case fleet.MachineStarting, fleet.MachineAssigned:
		return "ring"
	case fleet.MachineReady:
		return "dot"
	case fleet.MachineListening:
		return "target"
	case fleet.MachineWorking:
		return "play"
	case fleet.MachineFailed:
		return "cross"
	case fleet.MachineRetiring:
		return "slash"
	default:
		return "dash"
	}
}

// place is where a span stands in its part of the timeline. What takes next to no time is shown as a line.
func place(p timeline.Part, s timeline.Span) [2]float64 {
	const least = 0.006
	from, width := p.Place(s)
	width = max(width, least)
	return [2]float64{min(from, 1-width), width}
}
