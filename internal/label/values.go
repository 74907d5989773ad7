package label

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Bounds of values. Those of cpu and ram are of the order of the largest EC2 instances and beyond the use of a job: a
// number above them is a slip of the pen. GitHub ends a job of a self-hosted runner after five days.
const (
	MaxCPU        = 448
	MaxRAM        = 24576 // GiB
	MaxGeneration = 20
	MinRuntime    = time.Minute
	MaxRuntime    = 5 * 24 * time.Hour
)

// maxDigits keeps numbers well inside int; no value of the grammar has more.
const maxDigits = 9

var errNotNumber = errors.New("not a number")

// number reads decimal digits only: no sign, no point, no exponent.
func number(s string) (int, error) {
	if s == "" || len(s) > maxDigits || strings.Trim(s, "0123456789") != "" {
		return 0, errNotNumber
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, errNotNumber
	}
	return n, nil
}

// leadingNumber finds the digits that a value begins with, to suggest "4" for "4gb".
func leadingNumber(s string) string {
	s = strings.TrimSpace(s)
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		s = s[:end]
	}
	return s
}

// takeRange reads N or N+M between 1 and limit. A single N leaves the upper bound zero.
func takeRange(seg segment, what string, limit int) (fleet.Range, *fault) {
	low, high, isRange := strings.Cut(seg.value, "+")
	form := fmt.Sprintf("a number of %s such as %s=4 or a range such as %s=4+16", what, seg.key, seg.key)
	minimum, err := number(low)
	maximum := 0
	if err == nil && isRange {
		maximum, err = number(high)
	}
	if err != nil {
		return fleet.Range{}, notRange(seg, what, form, limit)
	}
	for _, n := range []int{minimum, maximum} {
		if n > limit || (n < 1 && (isRange || n == minimum)) {
			return fleet.Range{}, &fault{
				seg, fmt.Sprintf("%d is out of bounds", n),
				fmt.Sprintf("%s takes 1 to %d %s", seg.key, limit, what),
			}
		}
	}
	if isRange && minimum > maximum {
		return fleet.Range{}, &fault{
			seg, fmt.Sprintf("the range ends (%d) before it begins (%d)", maximum, minimum),
			fmt.Sprintf("did you mean %s=%d+%d?", seg.key, maximum, minimum),
		}
	}
	return fleet.Range{Min: minimum, Max: maximum}, nil
}

func notRange(seg segment, what, form string, limit int) *fault {
	reason := fmt.Sprintf("%q is no number of %s", seg.value, what)
	suggestion := "write " + form
	for _, sep := range []string{"-", "..", ":", ","} {
		low, high, ok := strings.Cut(seg.value, sep)
		a, errA := number(low)
		b, errB := number(high)
		if ok && errA == nil && errB == nil && 1 <= a && a <= b && b <= limit {
			return &fault{seg, reason, fmt.Sprintf("ranges are written with +: did you mean %s=%d+%d?", seg.key, a, b)}
		}
	}
	if n, err := number(leadingNumber(seg.value)); err == nil && 1 <= n && n <= limit && !strings.ContainsAny(seg.value, ".+") {
		suggestion = fmt.Sprintf("did you mean %s=%d?", seg.key, n)
	}
	return &fault{seg, reason, suggestion}
}

func (r *request) takeCPU(seg segment) *fault {
	got, ft := takeRange(seg, "vCPU", MaxCPU)
	r.spec.CPU = bounded(got)
	return ft
}

// bounded gives a CPU range without upper bound one of twice its lower bound: otherwise the cheapest offer of a spot
// market, however large, would do.
func bounded(cpu fleet.Range) fleet.Range {
	if cpu.Max == 0 {
		cpu.Max = 2 * cpu.Min
	}
	return cpu
}

func (r *request) takeRAM(seg segment) *fault {
	got, ft := takeRange(seg, "GiB", MaxRAM)
	r.spec.RAM = got
	return ft
}

func (r *request) takeGeneration(seg segment) *fault {
	n, err := number(seg.value)
	if err != nil || n < 1 || n > MaxGeneration {
		return &fault{
			seg, fmt.Sprintf("%q is no instance generation", seg.value),
			"write the digit of the instance family, as in gen=7 for c7g and m7i",
		}
	}
	r.spec.Generation = n
	return nil
}

func takeBool(seg segment, meaning string) (bool, *fault) {
	switch lower(seg.value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "yes", "on", "1", "always":
		return false, &fault{seg, fmt.Sprintf("%q is neither true nor false", seg.value), fmt.Sprintf("did you mean %s=true?", seg.key)}
	case "no", "off", "0", "never":
		return false, &fault{seg, fmt.Sprintf("%q is neither true nor false", seg.value), fmt.Sprintf("did you mean %s=false?", seg.key)}
	default:
		return false, &fault{
			seg, fmt.Sprintf("%q is neither true nor false", seg.value),
			fmt.Sprintf("write %s=true or %s=false: %s", seg.key, seg.key, meaning),
		}
	}
}

// takeWord reads one of a few words; others are what people write instead, each with the word that is meant.
func takeWord(seg segment, words []string, others map[string]string) (string, *fault) {
	v := lower(seg.value)
	if slices.Contains(words, v) {
		return v, nil
	}
	var forms []string
	for _, w := range words {
		forms = append(forms, seg.key+"="+w)
	}
	reason := fmt.Sprintf("%q is no value of %s", seg.value, seg.key)
	meant, ok := others[strings.TrimSpace(v)]
	if !ok {
		meant, ok = closest(v, words)
	}
	if ok {
		return "", &fault{seg, reason, fmt.Sprintf("did you mean %s=%s?", seg.key, meant)}
	}
	return "", &fault{seg, reason, "write " + strings.Join(forms, " or ")}
}

func (r *request) takeMax(seg segment) *fault {
	d, err := duration(lower(seg.value))
	if err != nil {
		suggestion := "write minutes, hours or days, such as max=90m, max=6h or max=1h30m"
		if n, numErr := number(seg.value); numErr == nil && n > 0 && time.Duration(n)*time.Minute <= MaxRuntime {
			suggestion = fmt.Sprintf("did you mean max=%dm?", n)
		}
		return &fault{seg, fmt.Sprintf("%q is no duration", seg.value), suggestion}
	}
	if d < MinRuntime || d > MaxRuntime {
		return &fault{
			seg, fmt.Sprintf("%q is out of bounds", seg.value),
			"max takes 1m to 5d, and GitHub ends every job after five days",
		}
	}
	r.max = d
	return nil
}

// duration reads days, hours and minutes in this order, each at most once.
func duration(s string) (time.Duration, error) {
	units := []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}}
	if s == "" {
		return 0, errNotNumber
	}
	var total time.Duration
	for _, u := range units {
		digits, rest, found := strings.Cut(s, u.name)
		if !found {
			continue
		}
		n, err := number(digits)
		if err != nil {
			return 0, err
		}
		const tooLong = 100_000 // of any unit: keeps the sum far from overflow and beyond every bound
		total += time.Duration(min(n, tooLong)) * u.unit
		s = rest
	}
	if s != "" {
		return 0, errNotNumber
	}
	return total, nil
}
