package telemetry

import (
	"slices"
	"testing"
)

func TestCodesHaveClasses(t *testing.T) {
	for code, want := range map[string]string{
		"": placeAttached, "InsufficientInstanceCapacity": placeCapacity, "UnfulfillableCapacity": placeCapacity,
		"VcpuLimitExceeded": placeQuota, "MaxSpotInstanceCountExceeded": placeQuota, "RequestLimitExceeded": placeThrottled,
		"InvalidParameterValue": placeInvalid, "UnsupportedOperation": placeInvalid, "StartFailed": placeStart,
		"Unanswered": placeMissing, "Missing": placeMissing, "InternalError": other,
	} {
		if got := placeOutcome(code); got != want {
			t.Errorf("placeOutcome(%q) = %q, want %q", code, got, want)
		}
	}
	for _, c := range codeClasses() {
		if !slices.Contains(placeOutcomes(), c.class) {
			t.Errorf("class %q is no outcome of a place", c.class)
		}
	}
}
