package label

import (
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Explanation is what a job's labels mean, part by part, for people.
type Explanation struct {
	Label string `json:"label"` // the one that speaks for the job
	// StandsFor is what the label is an alias of; empty if it is none.
	StandsFor string         `json:"stands_for,omitempty"`
	Segments  []Meaning      `json:"segments"`
	Defaults  []Default      `json:"defaults"`
	Resolved  fleet.Resolved `json:"resolved"`
}

// Meaning is one segment in words.
type Meaning struct {
	Segment string `json:"segment"`
	Key     string `json:"key,omitempty"` // empty for the marker
	Meaning string `json:"meaning"`
}

// Default is a key that the label does not give, and what holds instead.
type Default struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Source is where the value comes from: the runner named by the label, or the grammar's defaults.
	Source string `json:"source"`
}

// Explain resolves labels as Resolve does, with the same errors, and says what each part of them contributed. What types
// of machine match is the catalogue's to say, from Resolved.Spec.
func Explain(labels []string, f Fleet) (Explanation, error) {
	res, req, err := resolve(labels, f)
	if err != nil {
		return Explanation{}, err
	}
	src, err := find(labels, f)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Label: src.label, Resolved: res, Segments: []Meaning{}, Defaults: []Default{}}
	if src.alias {
		e.StandsFor = src.text
	}
	for _, seg := range src.split() {
		e.Segments = append(e.Segments, Meaning{Segment: seg.text, Key: seg.key, Meaning: meaning(seg, res, req.runner)})
	}
	for _, k := range keys() {
		value := holds(k.name, res)
		if req.gives(k.name) || value == "" {
			continue
		}
		d := Default{Key: k.name, Value: value, Source: "default"}
		if runner, ok := req.given["runner"]; ok && holdsInRunner(k.name, req, runner) {
			d.Source = runner.text
		}
		e.Defaults = append(e.Defaults, d)
	}
	return e, nil
}

func meaning(seg segment, res fleet.Resolved, configured string) string {
	switch seg.key {
	case "":
		if _, unique, ok := strings.Cut(seg.text, "="); ok && unique != "" {
			return fmt.Sprintf("this fleet; %q only makes the label unique", unique)
		}
		return "this fleet"
	case "id", "tag":
		return "ignored; it only makes the label unique"
	case "runner":
		if configured != "" {
			return "the runner " + configured + " of the fleet configuration"
		}
		return "a built-in runner: " + holds("cpu", res) + ", " + holds("os", res) + " on " + holds("arch", res)
	default:
		return holds(seg.key, res)
	}
}

// holds says in words what holds for a key; empty if the key makes no sense on its own.
func holds(key string, res fleet.Resolved) string {
	s := res.Spec
	switch key {
	case "cpu":
		return rangeWords(s.CPU, "vCPU")
	case "ram":
		return rangeWords(s.RAM, "GiB of memory")
	case "family":
		return familyWords(s)
	case "gen":
		if s.Generation > 0 {
			return fmt.Sprintf("instance generation %d", s.Generation)
		}
		return "any generation that the family allows"
	case "arch":
		if len(s.Archs) > 1 {
			return joinArchs(s.Archs, " or ") + ", whichever is cheaper"
		}
		return joinArchs(s.Archs, "")
	case "os":
		return string(s.OS)
	case "image":
		if s.Image != "" {
			return "the image " + s.Image
		}
		return "the fleet's default image for " + string(s.OS) + " on " + joinArchs(s.Archs, " or ")
	case "disk":
		return diskWords(s.Disk)
	case "pool":
		if s.Pool != "" {
			return "a warm machine of the pool " + s.Pool + ", else a launch"
		}
		return "any pool that also serves jobs that do not name it, else a launch"
	default:
		return holdsForJob(key, res)
	}
}

func holdsForJob(key string, res fleet.Resolved) string {
	s := res.Spec
	switch key {
	case "spot":
		switch s.Market {
		case fleet.Spot:
			return "a spot machine: cheaper, can be reclaimed"
		case fleet.OnDemand:
			return "an on-demand machine: never reclaimed"
		default:
			return "as the fleet configuration says"
		}
	case "retry":
		if res.Retry == fleet.RetryNever {
			return "the job is not repeated when its machine is reclaimed"
		}
		return "the job is repeated when its machine is reclaimed"
	case "region":
		if len(s.Regions) > 0 {
			return strings.Join(s.Regions, ", then ")
		}
		return "the regions of the environment, in its order"
	case "env":
		return "the environment " + res.Environment
	case "private":
		if s.Private {
			return "private subnets only"
		}
		return "any subnet of the environment"
	case "max":
		return "the job may run for " + durationWords(res.MaxRuntime)
	default:
		return ""
	}
}

func rangeWords(r fleet.Range, unit string) string {
	switch {
	case r == (fleet.Range{}):
		return "any number of " + unit
	case r.Max == 0:
		return fmt.Sprintf("at least %d %s", r.Min, unit)
	case r.Min == r.Max:
		return fmt.Sprintf("exactly %d %s", r.Min, unit)
	default:
		return fmt.Sprintf("%d to %d %s", r.Min, r.Max, unit)
	}
}

func familyWords(s fleet.Spec) string {
	if s.InstanceType != "" {
		return "exactly the instance type " + s.InstanceType
	}
	if len(s.Families) > 0 {
		return "instance types matching " + strings.Join(s.Families, " or ")
	}
	return "the usual families: compute, general and memory optimised, of the recent generations"
}

func diskWords(d fleet.Disk) string {
	if d == (fleet.Disk{}) {
		return "as the runner or the fleet configuration says"
	}
	words := []string{fmt.Sprintf("%d GiB", d.SizeGB)}
	if d.Type != "" {
		words = append(words, d.Type)
	}
	if d.ThroughputMBps > 0 {
		words = append(words, fmt.Sprintf("%d MiB/s", d.ThroughputMBps))
	}
	if d.IOPS > 0 {
		words = append(words, fmt.Sprintf("%d operations a second", d.IOPS))
	}
	return strings.Join(words, ", ")
}

// durationWords writes a runtime as a label would: 6h, 1h30m, 45m.
func durationWords(d time.Duration) string {
	hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case hours == 0:
		return fmt.Sprintf("%dm", minutes)
	case minutes == 0:
		return fmt.Sprintf("%dh", hours)
	default:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	}
}

// holdsInRunner says whether the value of a key comes from the runner that the label names.
func holdsInRunner(key string, req *request, runner segment) bool {
	base := fleet.Spec{}
	if req.runner != "" {
		base = normal(req.fleet.Runners[req.runner].Spec)
	} else if built, ok, _ := builtin(runner); ok {
		base = built
	}
	switch key {
	case "cpu":
		return base.CPU != (fleet.Range{})
	case "ram":
		return base.RAM != (fleet.Range{})
	case "family":
		return base.InstanceType != "" || len(base.Families) > 0
	case "gen":
		return base.Generation > 0
	case "arch":
		return len(base.Archs) > 0
	case "os":
		return base.OS != ""
	case "image":
		return base.Image != ""
	case "disk":
		return base.Disk != (fleet.Disk{})
	case "spot":
		return base.Market != fleet.AnyMarket
	case "region":
		return len(base.Regions) > 0
	case "private":
		return base.Private
	default:
		return false
	}
}
