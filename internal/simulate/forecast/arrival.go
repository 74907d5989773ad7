package forecast

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Arrival is how jobs are spread over time.
type Arrival struct {
	kind  string
	burst int // jobs of a burst, on average
}

// The kinds of arrival.
const (
	Steady = "steady" // each job at a moment of its own, any moment as likely as another
	Bursts = "bursts" // many at once, as a push with a large matrix makes them
	Office = "office" // by the hours of a working day, which begins at 8:00; little at night, nothing much at weekends
)

// usualBurst is the size of bursts for which none is given.
const usualBurst = 20

// largestBurst bounds a burst: a matrix has at most 256 jobs, and a push may start several workflows.
const largestBurst = 10_000

var errArrival = errors.New("it is steady, bursts (of about 20 jobs), bursts=N (of about N) or office (a working day from 8:00)")

// ParseArrival reads steady, bursts, bursts=50 or office.
func ParseArrival(text string) (Arrival, error) {
	kind, size, sized := strings.Cut(text, "=")
	switch {
	case kind == Bursts && sized:
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 || n > largestBurst {
			return Arrival{}, fmt.Errorf("bursts=%s: a burst has 1 to %d jobs", size, largestBurst) //nolint:err113 // for people
		}
		return Arrival{Bursts, n}, nil
	case sized:
		return Arrival{}, errArrival
	case kind == Bursts:
		return Arrival{Bursts, usualBurst}, nil
	case kind == Steady, kind == Office:
		return Arrival{kind: kind}, nil
	default:
		return Arrival{}, errArrival
	}
}

// String writes the arrival as ParseArrival reads it.
func (a Arrival) String() string {
	if a.kind == Bursts {
		return fmt.Sprintf("bursts=%d", a.burst)
	}
	return a.kind
}

// times draws n moments of a span, in their order.
func (a Arrival) times(n int, over time.Duration, r *rand.Rand) []time.Duration {
	out := make([]time.Duration, 0, n)
	at := func() time.Duration { return time.Duration(r.Int64N(int64(over))) }
	if a.kind == Office {
		at = func() time.Duration { return officeTime(over, r) }
	}
	for len(out) < n {
		begin, size := at(), 1
		if a.kind == Bursts {
			size = 1 + r.IntN(2*a.burst-1) // from 1 to twice the average less one
		}
		for range min(size, n-len(out)) {
			out = append(out, begin)
			begin += time.Duration(r.Int64N(int64(betweenJobs)))
		}
	}
	slices.Sort(out)
	return out
}

// betweenJobs bounds the time between two jobs of a burst: GitHub queues the legs of a matrix one after the other.
const betweenJobs = 200 * time.Millisecond

// The office's clock.
const (
	opens   = 8 // o'clock, when the span begins
	hours   = 24
	week    = 7
	weekend = 5    // the days from then on are Saturday and Sunday; the span begins on a Monday
	quiet   = 0.05 // of a weekday's jobs
)

// officeHours is how many jobs come in each hour of a weekday, compared with the busiest: two peaks around lunch, scheduled
// jobs at night.
func officeHours() [hours]float64 {
	return [hours]float64{
		.06, .06, .10, .10, .06, .06, .08, .20, // 0:00 to 8:00
		.45, .80, 1, .95, .60, .75, 1, .95, .80, .50, // to 18:00
		.25, .15, .12, .10, .08, .06,
	}
}

// officeTime draws a moment of the span, the busier its hour the more likely.
func officeTime(over time.Duration, r *rand.Rand) time.Duration {
	weights := officeHours()
	for {
		at := time.Duration(r.Int64N(int64(over)))
		hour := opens + int(at/time.Hour)
		weight := weights[hour%hours]
		if hour/hours%week >= weekend {
			weight *= quiet
		}
		if r.Float64() < weight {
			return at
		}
	}
}
