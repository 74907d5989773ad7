package awsfault

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Kind is a way in which calls fail at random.
type Kind string

// The kinds.
const (
	ServerError      Kind = "5xx, not done"
	ServerErrorAfter Kind = "5xx, but it was done"
	Throttled        Kind = "throttled"
	TimeoutAfter     Kind = "time-out after success"
	Slow             Kind = "slow"
	CutBefore        Kind = "connection cut before"
	CutAfter         Kind = "connection cut after"
	CutWithin        Kind = "connection cut within the answer"
)

// Kinds lists them all.
func Kinds() []Kind {
	return []Kind{ServerError, ServerErrorAfter, Throttled, TimeoutAfter, Slow, CutBefore, CutAfter, CutWithin}
}

// Rates says for each kind which part of all calls it strikes, from 0 to 1; together they are at most 1.
type Rates map[Kind]float64

// Every gives each kind the same rate.
func Every(rate float64) Rates {
	rates := Rates{}
	for _, k := range Kinds() {
		rates[k] = rate
	}
	return rates
}

// How long a slow call takes longer.
const (
	slowLeast = 100 * time.Millisecond
	slowMost  = 2 * time.Second
)

// cutBytes is how much of an answer arrives that is cut off: not enough for any that is read.
const cutBytes = 5

// Random is a transport on which calls fail at random, by a seed. It is safe for concurrent use: which call meets which
// fault then depends on their order.
type Random struct {
	next  http.RoundTripper
	clock seam.Clock

	mu     sync.Mutex
	random *rand.Rand
	rates  Rates
	calls  map[Operation]int
	faults map[Kind]map[string]int
}

// NewRandom returns a transport with these rates.
func NewRandom(next http.RoundTripper, rates Rates, seed uint64, clock seam.Clock) *Random {
	return &Random{
		next: next, clock: clock, rates: rates, random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // faults that can be repeated
		calls: map[Operation]int{}, faults: map[Kind]map[string]int{},
	}
}

// Set changes the rates; none ends all faults.
func (f *Random) Set(rates Rates) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates = rates
}

// Counts says what happened until now.
func (f *Random) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Counts{}
	out.add(f.calls, f.faults)
	return out
}

// RoundTrip implements http.RoundTripper.
func (f *Random) RoundTrip(r *http.Request) (*http.Response, error) {
	operation := OperationOf(r)
	kind, pause, before := f.choose(operation)
	switch kind {
	case ServerError:
		return trouble(operation.Service)(r, f.next)
	case ServerErrorAfter:
		return Done(trouble(operation.Service))(r, f.next)
	case Throttled:
		return throttle(operation.Service)(r, f.next)
	case TimeoutAfter:
		return LateAnswer(r, f.next)
	case Slow:
		return f.slowly(r, pause, before)
	case CutBefore:
		return LostRequest(r, f.next)
	case CutAfter:
		return LostAnswer(r, f.next)
	case CutWithin:
		return CutAnswer(cutBytes)(r, f.next)
	default:
		return f.next.RoundTrip(r)
	}
}

// slowly takes its time before the request has its effect, or after.
func (f *Random) slowly(r *http.Request, pause time.Duration, before bool) (*http.Response, error) {
	if before {
		if err := f.clock.Sleep(r.Context(), pause); err != nil {
			return LostRequest(r, f.next)
		}
	}
	response, err := f.next.RoundTrip(r)
	if err != nil || before {
		return response, err
	}
	_ = f.clock.Sleep(r.Context(), pause) // whoever went away reads nothing
	return response, nil
}

func (f *Random) choose(operation Operation) (kind Kind, pause time.Duration, before bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[operation]++
	drawn := f.random.Float64()
	for _, k := range Kinds() {
		if drawn -= f.rates[k]; drawn < 0 {
			kind = k
			break
		}
	}
	if kind == "" {
		return "", 0, false
	}
	if f.faults[kind] == nil {
		f.faults[kind] = map[string]int{}
	}
	f.faults[kind][operation.Service]++
	return kind, slowLeast + time.Duration(f.random.Int64N(int64(slowMost-slowLeast))), f.random.IntN(2) == 0
}
