package telemetry

import "strings"

// What a place of a launch came to: a machine, or a class of failures.
const (
	placeAttached  = "attached"
	placeCapacity  = "capacity"  // the provider has none left
	placeQuota     = "quota"     // the account may not have more
	placeThrottled = "throttled" // too many calls
	placeInvalid   = "invalid"   // no repetition will help
	placeStart     = "start"     // the machine was made and did not come up
	placeMissing   = "missing"   // neither filled nor explained
)

func placeOutcomes() []string {
	return []string{placeAttached, placeCapacity, placeQuota, placeThrottled, placeInvalid, placeStart, placeMissing, other}
}

// codeClasses are beginnings and ends of codes, in EC2's words, which the other providers use as well (Amazon EC2 API
// Reference, "Error codes"). The first that fits decides.
func codeClasses() []struct{ prefix, suffix, class string } {
	return []struct{ prefix, suffix, class string }{
		{"RequestLimitExceeded", "", placeThrottled},
		{"Throttl", "", placeThrottled},
		{"Insufficient", "", placeCapacity},
		{"Unfulfillable", "", placeCapacity},
		{"SpotMaxPriceTooLow", "", placeCapacity},
		{"MaxSpotInstanceCountExceeded", "", placeQuota},
		{"", "LimitExceeded", placeQuota},
		{"Invalid", "", placeInvalid},
		{"Unsupported", "", placeInvalid},
		{"UnauthorizedOperation", "", placeInvalid},
		{"Start", "", placeStart},
		{"Missing", "", placeMissing},
		{"Unanswered", "", placeMissing},
	}
}

// placeOutcome puts a provider's code into its class; no code is a place that got a machine.
func placeOutcome(code string) string {
	if code == "" {
		return placeAttached
	}
	for _, c := range codeClasses() {
		if strings.HasPrefix(code, c.prefix) && strings.HasSuffix(code, c.suffix) {
			return c.class
		}
	}
	return other
}
