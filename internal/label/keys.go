package label

import (
	"fmt"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// key is one key of the grammar.
type key struct {
	name    string
	example string // a whole segment that is always valid in form
	// take reads the segment's value into the request.
	take func(r *request, seg segment) *fault
}

// keys is the vocabulary, in the order in which it is explained.
func keys() []key {
	return []key{
		{"cpu", "cpu=4", (*request).takeCPU},
		{"ram", "ram=8", (*request).takeRAM},
		{"family", "family=c7g+m7g", (*request).takeFamily},
		{"gen", "gen=7", (*request).takeGeneration},
		{"arch", "arch=arm64", (*request).takeArch},
		{"os", "os=linux", (*request).takeOS},
		{"image", "image=NAME", (*request).takeImage},
		{"disk", "disk=80gb:gp3", (*request).takeDisk},
		{"runner", "runner=4cpu-linux-arm64", (*request).takeRunner},
		{"pool", "pool=NAME", (*request).takePool},
		{"spot", "spot=false", (*request).takeSpot},
		{"retry", "retry=never", (*request).takeRetry},
		{"region", "region=us-east-1", (*request).takeRegion},
		{"env", "env=NAME", (*request).takeEnv},
		{"private", "private=true", (*request).takePrivate},
		{"max", "max=90m", (*request).takeMax},
		{"id", "id=1", ignore},
		{"tag", "tag=deploy", ignore},
	}
}

func ignore(*request, segment) *fault { return nil }

func keyNamed(name string) (key, bool) {
	for _, k := range keys() {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// synonym returns the key that goes by another name elsewhere.
func synonym(name string) (string, bool) {
	switch name {
	case "cpus", "vcpu", "vcpus", "core", "cores":
		return "cpu", true
	case "memory", "mem", "memory_gb", "gb":
		return "ram", true
	case "instance", "instance_type", "instance-type", "type", "families":
		return "family", true
	case "generation":
		return "gen", true
	case "architecture", "cpu-arch":
		return "arch", true
	case "platform", "system":
		return "os", true
	case "ami":
		return "image", true
	case "volume", "hdd", "ssd", "storage", "size":
		return "disk", true
	case "environment":
		return "env", true
	case "regions":
		return "region", true
	case "timeout", "max_runtime", "max-runtime", "limit":
		return "max", true
	default:
		return "", false
	}
}

// take reads the i-th segment.
func (r *request) take(seg segment, i int, segs []segment) *fault {
	if seg.text == "" {
		return &fault{seg, fmt.Sprintf("segment %d is empty", i+1), "remove the extra slash"}
	}
	if !strings.Contains(seg.text, "=") {
		return withoutValue(seg, i, segs)
	}
	k, known := keyNamed(seg.key)
	if !known {
		return unknownKey(r.fleet, seg)
	}
	if first, repeated := r.given[seg.key]; repeated {
		return &fault{seg, fmt.Sprintf("the key %s is given twice, first as %q", seg.key, first.text), "keep one of the two"}
	}
	r.given[seg.key] = seg
	return k.take(r, seg)
}

// withoutValue explains a segment without =, often the rest of a value that held a slash.
func withoutValue(seg segment, i int, segs []segment) *fault {
	reason := "it is not of the form key=value"
	if meant, ok := bareValue(lower(strings.TrimSpace(seg.text))); ok {
		return &fault{seg, reason, fmt.Sprintf("did you mean %s?", meant)}
	}
	if k, known := keyNamed(lower(seg.text)); known {
		return &fault{seg, reason, "write for example " + k.example}
	}
	if near, ok := nearestKey(lower(seg.text)); ok {
		return &fault{seg, reason, "write for example " + near.example}
	}
	if i > 0 {
		return &fault{seg, reason, fmt.Sprintf("values cannot contain a slash: was it meant as part of %q?", segs[i-1].text)}
	}
	return &fault{seg, reason, "write for example cpu=4"}
}

// bareValue recognises a value whose key was left out.
func bareValue(s string) (string, bool) {
	if arch, ok := archNamed(s); ok {
		return "arch=" + string(arch), true
	}
	switch s {
	case "linux", "windows":
		return "os=" + s, true
	case "on-demand", "ondemand":
		return "spot=false", true
	case "spot", "private":
		return s + "=true", true
	}
	if exactType(s) && familyForm(s) {
		return "family=" + s, true
	}
	return "", false
}

func nearestKey(written string) (key, bool) {
	name, ok := synonym(written)
	if !ok {
		name, ok = closest(written, keyNames())
	}
	if !ok {
		return key{}, false
	}
	return keyNamed(name)
}

func keyNames() []string {
	var names []string
	for _, k := range keys() {
		names = append(names, k.name)
	}
	return names
}

// unknownKey suggests the segment with the key that was meant, if its value then makes sense.
func unknownKey(f Fleet, seg segment) *fault {
	written, _, _ := strings.Cut(seg.text, "=")
	reason := fmt.Sprintf("unknown key %q", written)
	near, ok := nearestKey(strings.TrimSpace(seg.key))
	if !ok {
		return &fault{seg, reason, "the keys are " + strings.Join(keyNames(), ", ")}
	}
	meant := segment{text: near.name + "=" + seg.value, key: near.name, value: seg.value}
	trial := &request{fleet: f, given: map[string]segment{}}
	if near.take(trial, meant) == nil {
		return &fault{seg, reason, fmt.Sprintf("did you mean %s?", meant.text)}
	}
	return &fault{seg, reason, fmt.Sprintf("did you mean the key %s, for example %s?", near.name, near.example)}
}

func (r *request) takeImage(seg segment) *fault {
	name, ok := lookup(seg.value, r.fleet.Images)
	if !ok {
		return unconfigured(seg, "image", r.fleet.Images, "without image= the machine has the default image for its os and arch")
	}
	r.spec.Image = name
	return nil
}

func (r *request) takePool(seg segment) *fault {
	name, ok := lookup(seg.value, r.fleet.Pools)
	if !ok {
		return unconfigured(seg, "pool", r.fleet.Pools, "without pool= a machine is launched for the job")
	}
	r.spec.Pool = name
	return nil
}

func (r *request) takeEnv(seg segment) *fault {
	var names []string
	for _, e := range r.fleet.environments() {
		names = append(names, e.Name)
	}
	name, ok := lookup(seg.value, names)
	if !ok {
		return unconfigured(seg, "environment", names, "")
	}
	r.environment = name
	return nil
}

func (r *request) takeSpot(seg segment) *fault {
	yes, ft := takeBool(seg, "spot machines cost less and can be reclaimed")
	if ft != nil {
		return ft
	}
	r.spec.Market = fleet.OnDemand
	if yes {
		r.spec.Market = fleet.Spot
	}
	return nil
}

func (r *request) takePrivate(seg segment) *fault {
	yes, ft := takeBool(seg, "true places the machine in a private subnet")
	if ft != nil {
		return ft
	}
	r.spec.Private = yes
	return nil
}

func (r *request) takeRetry(seg segment) *fault {
	v, ft := takeWord(seg, []string{string(fleet.RetryWhenInterrupted), string(fleet.RetryNever)},
		map[string]string{"false": "never", "no": "never", "true": "when-interrupted", "always": "when-interrupted"})
	r.retry = fleet.Retry(v)
	return ft
}

func (r *request) takeOS(seg segment) *fault {
	v, ft := takeWord(seg, []string{string(fleet.Linux), string(fleet.Windows)},
		map[string]string{"win": "windows", "win32": "windows", "ubuntu": "linux", "debian": "linux"})
	r.spec.OS = fleet.OS(v)
	return ft
}
