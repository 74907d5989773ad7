package label

import (
	"fmt"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// archNamed reads a spelling of an architecture.
func archNamed(s string) (fleet.Arch, bool) {
	switch lower(s) {
	case "amd64", "x64", "x86_64", "x86-64":
		return fleet.AMD64, true
	case "arm64", "aarch64":
		return fleet.ARM64, true
	default:
		return "", false
	}
}

func (r *request) takeArch(seg segment) *fault {
	var archs []fleet.Arch
	for part := range strings.SplitSeq(seg.value, "+") {
		a, ok := archNamed(part)
		if !ok {
			return notArch(seg, part)
		}
		archs = append(archs, a)
	}
	r.spec.Archs = sortedArchs(archs)
	return nil
}

func notArch(seg segment, part string) *fault {
	reason := fmt.Sprintf("%q is no architecture", part)
	known := map[string]string{"arm": "arm64", "graviton": "arm64", "amd": "amd64", "intel": "amd64", "x86": "amd64", "i386": "amd64"}
	meant, ok := known[lower(strings.TrimSpace(part))]
	if !ok {
		meant, ok = closest(part, []string{"amd64", "arm64", "x86_64", "aarch64"})
	}
	if strings.ContainsAny(part, ",;|") {
		return &fault{seg, reason, "several architectures are joined with +: arch=amd64+arm64 takes the cheaper of the two"}
	}
	if ok && part == seg.value {
		return &fault{seg, reason, fmt.Sprintf("did you mean arch=%s?", meant)}
	}
	return &fault{seg, reason, "write arch=amd64, arch=arm64, or arch=amd64+arm64 for the cheaper of the two"}
}

func sortedArchs(archs []fleet.Arch) []fleet.Arch {
	archs = slices.Clone(archs)
	slices.Sort(archs)
	return slices.Compact(archs)
}

// serves says whether the fleet has machines of the platform.
func (f Fleet) serves(os fleet.OS, arch fleet.Arch) bool {
	if os == fleet.Windows && arch != fleet.AMD64 { // no cloud of ours has Windows on arm64
		return false
	}
	return f.Platforms == nil || slices.Contains(f.Platforms, Platform{os, arch})
}

// platform settles operating system and architectures: what is written, else Linux on amd64, else what the fleet has.
func (r *request) platform(spec *fleet.Spec) *fault {
	os := spec.OS
	if os == "" {
		os = r.fleet.defaultOS()
	}
	archs := spec.Archs
	if len(archs) == 0 {
		archs = []fleet.Arch{fleet.AMD64, fleet.ARM64}
	}
	var served []fleet.Arch
	for _, a := range archs {
		if r.fleet.serves(os, a) {
			served = append(served, a)
		}
	}
	if len(served) == 0 {
		return r.unserved(os, spec.Archs)
	}
	if len(spec.Archs) == 0 {
		served = served[:1]
	}
	spec.OS, spec.Archs = os, served
	return nil
}

// defaultOS is Linux, unless the fleet has Windows machines only.
func (f Fleet) defaultOS() fleet.OS {
	if !f.servesOS(fleet.Linux) && f.servesOS(fleet.Windows) {
		return fleet.Windows
	}
	return fleet.Linux
}

func (f Fleet) servesOS(os fleet.OS) bool {
	return f.serves(os, fleet.AMD64) || f.serves(os, fleet.ARM64)
}

// unserved blames the segment that asks for a platform which the fleet does not have.
func (r *request) unserved(os fleet.OS, archs []fleet.Arch) *fault {
	seg := r.blame("arch", "os", "runner")
	if !r.fleet.servesOS(os) {
		seg = r.blame("os", "runner", "arch")
	}
	if os == fleet.Windows && slices.Equal(archs, []fleet.Arch{fleet.ARM64}) {
		return &fault{seg, "there are no Windows machines on arm64", "use arch=amd64 with os=windows, or os=linux with arch=arm64"}
	}
	var have []string
	for _, p := range r.fleet.Platforms {
		have = append(have, fmt.Sprintf("os=%s/arch=%s", p.OS, p.Arch))
	}
	if len(have) == 0 {
		return &fault{seg, "this fleet can serve no platform at all", "ask the fleet's operators to configure one"}
	}
	what := string(os)
	if len(archs) > 0 {
		what += " on " + joinArchs(archs, " or ")
	}
	return &fault{seg, fmt.Sprintf("this fleet has no machine with %s", what), "it serves " + list(have)}
}

func joinArchs(archs []fleet.Arch, sep string) string {
	var names []string
	for _, a := range archs {
		names = append(names, string(a))
	}
	return strings.Join(names, sep)
}

// archOfType reads the architecture off an instance type's name: after the generation's digits, a g means Graviton.
func archOfType(instanceType string) fleet.Arch {
	name, _, _ := strings.Cut(lower(instanceType), ".")
	digit := strings.IndexAny(name, "0123456789")
	if name == "a1" || (digit >= 0 && strings.Contains(name[digit:], "g")) {
		return fleet.ARM64
	}
	return fleet.AMD64
}
