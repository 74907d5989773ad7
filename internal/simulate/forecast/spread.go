package forecast

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Spread is a distribution of durations: always the same, evenly spread over a range, or log-normal with a given median and
// 95th percentile, which is what durations of jobs mostly look like.
type Spread struct {
	least, most time.Duration
	median, p95 time.Duration // if it is log-normal
}

// LongestJob bounds every duration: GitHub ends jobs after five days.
const LongestJob = 5 * 24 * time.Hour

var errSpread = errors.New(`it is a duration such as 90s or 5m, a range such as 2m..20m, or a median with a 95th percentile such as p50=4m,p95=20m`)

// Always is the spread of one duration.
func Always(d time.Duration) Spread { return Spread{least: d, most: d} }

// ParseSpread reads 5m, 2m..20m, or p50=4m,p95=20m.
func ParseSpread(text string) (Spread, error) {
	text = strings.ReplaceAll(text, " ", "")
	if rest, ok := strings.CutPrefix(text, "p50="); ok {
		return parseLogNormal(rest)
	}
	low, high, isRange := strings.Cut(text, "..")
	if !isRange {
		high = low
	}
	least, err := parseDuration(low)
	if err != nil {
		return Spread{}, err
	}
	most, err := parseDuration(high)
	if err != nil {
		return Spread{}, err
	}
	if most < least {
		return Spread{}, fmt.Errorf("the range %s ends before it begins: write %s..%s", text, high, low) //nolint:err113 // for people
	}
	return Spread{least: least, most: most}, nil
}

func parseLogNormal(text string) (Spread, error) {
	low, high, ok := strings.Cut(text, ",p95=")
	if !ok {
		return Spread{}, errSpread
	}
	median, err := parseDuration(low)
	if err != nil {
		return Spread{}, err
	}
	p95, err := parseDuration(high)
	if err != nil {
		return Spread{}, err
	}
	if median <= 0 || p95 < median {
		return Spread{}, fmt.Errorf("the median %s must be above 0 and not above the 95th percentile %s", median, p95) //nolint:err113 // for people
	}
	return Spread{median: median, p95: p95}, nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errSpread
	case d < 0:
		return 0, fmt.Errorf("%s is below 0", d) //nolint:err113 // for people
	case d > LongestJob:
		return 0, fmt.Errorf("%s is more than five days, after which GitHub ends a job", d) //nolint:err113 // for people
	default:
		return d, nil
	}
}

// String writes the spread as ParseSpread reads it.
func (s Spread) String() string {
	switch {
	case s.median > 0:
		return "p50=" + short(s.median) + ",p95=" + short(s.p95)
	case s.least == s.most:
		return short(s.least)
	default:
		return short(s.least) + ".." + short(s.most)
	}
}

// short writes a duration without its zeros: 5m, not 5m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (s Spread) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Spread) UnmarshalText(text []byte) error {
	read, err := ParseSpread(string(text))
	if err != nil {
		return err
	}
	*s = read
	return nil
}

// normal95 is how many standard deviations above its mean the 95th percentile of a normal distribution is.
const normal95 = 1.6448536269514722

// longTail bounds a log-normal draw, in 95th percentiles: one in many thousands would be absurdly long.
const longTail = 10

// Draw takes a duration from the spread.
func (s Spread) Draw(r *rand.Rand) time.Duration {
	if s.median > 0 {
		deviation := math.Log(float64(s.p95)/float64(s.median)) / normal95
		d := time.Duration(float64(s.median) * math.Exp(deviation*r.NormFloat64()))
		return min(d, longTail*s.p95, LongestJob)
	}
	if s.most <= s.least {
		return s.least
	}
	return s.least + time.Duration(r.Int64N(int64(s.most-s.least)))
}
