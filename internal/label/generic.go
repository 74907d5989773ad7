package label

import (
	"fmt"
	"slices"
	"strings"
)

// Fold returns the label set that GitHub matches on: without regard to case, order and repetition. Two jobs with equal
// folded sets can take each other's runners. The argument is not changed.
func Fold(labels []string) []string {
	folded := make([]string, 0, len(labels))
	for _, l := range labels {
		folded = append(folded, strings.ToLower(l))
	}
	slices.Sort(folded)
	return slices.Compact(folded)
}

// generic says whether a label is one that jobs meant for quite other runners use: GitHub's own labels of self-hosted
// runners and the names of its hosted images.
func generic(label string) bool {
	l := lower(label)
	switch l {
	case "self-hosted", "linux", "windows", "macos", "x64", "x86", "amd64", "arm", "arm64", "ubuntu", "default":
		return true
	}
	for _, image := range []string{"ubuntu-", "windows-", "macos-"} {
		version, ok := strings.CutPrefix(l, image)
		if ok && (strings.HasPrefix(version, "latest") || isVersion(version)) {
			return true
		}
	}
	return false
}

// isVersion is true of the versions of hosted images: 24.04, 2022, 22.04-arm, 15-xlarge.
func isVersion(s string) bool {
	number, _, _ := strings.Cut(s, "-")
	return number != "" && strings.Trim(number, "0123456789.") == ""
}

// genericLabels warns of generic labels in the array, or refuses them where the fleet does.
func genericLabels(labels []string, f Fleet) ([]string, error) {
	var warnings []string
	for _, l := range labels {
		if !generic(l) {
			continue
		}
		if f.RefuseGenericLabels {
			return nil, &Error{
				Label: l, Segment: l,
				Reason:     "it is generic: any self-hosted job of the organisation could take the runner made for this job",
				Suggestion: "remove it from runs-on, or have the fleet's operators set allow_generic_labels",
			}
		}
		warnings = append(warnings, fmt.Sprintf("The label %q is generic: any self-hosted job of this repository that "+
			"asks for no more than this job's labels can take its runner; remove it from runs-on.", l))
	}
	slices.Sort(warnings)
	return slices.Compact(warnings), nil
}
