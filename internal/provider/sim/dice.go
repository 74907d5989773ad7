package sim

import (
	"hash/fnv"
	"math"
	"time"
)

// dice is one random number from which any number of independent ones are derived by name. Asking it twice for the same
// name gives the same answer, so the order of questions does not matter, nor whether another question was asked at all.
type dice uint64

// named returns the dice for one of several things.
func (d dice) named(what string, n int) dice {
	return dice(mix(uint64(d) ^ mix(hash(what)+uint64(n))))
}

// unit is evenly distributed in [0, 1).
func (d dice) unit(what string, n int) float64 {
	const bits = 53 // of a float64's fraction
	return float64(uint64(d.named(what, n))>>(64-bits)) / (1 << bits)
}

// chance is true at the rate.
func (d dice) chance(rate float64, what string, n int) bool {
	return rate > 0 && d.unit(what, n) < rate
}

// exponential has the mean 1.
func (d dice) exponential(what string, n int) float64 { return -math.Log(1 - d.unit(what, n)) }

// normal is the standard normal distribution, cut off at four deviations.
func (d dice) normal(what string, n int) float64 {
	const most = 4
	z := math.Sqrt(2*d.exponential(what, n)) * math.Cos(2*math.Pi*d.named(what, n).unit("angle", 0))
	return max(-most, min(most, z))
}

// Distribution is a log-normal distribution of durations: half of them are shorter than the median, and 95 of 100 lie
// between Median/Spread and Median*Spread. A spread of at most 1 is no spread.
type Distribution struct {
	Median time.Duration
	Spread float64
	// Draw makes a duration of a random number; then Median and Spread mean nothing (optional).
	Draw func(random uint64) time.Duration
}

// of returns one of the durations.
func (s Distribution) of(d dice, what string, n int) time.Duration {
	const within95 = 1.96 // deviations of the normal distribution
	if s.Draw != nil {
		return max(0, s.Draw(uint64(d.named(what, n))))
	}
	if s.Median <= 0 || s.Spread <= 1 {
		return max(0, s.Median)
	}
	return time.Duration(float64(s.Median) * math.Exp(d.normal(what, n)*math.Log(s.Spread)/within95))
}

// times stretches a distribution.
func (s Distribution) times(factor float64) Distribution {
	slow := Distribution{Median: time.Duration(float64(s.Median) * factor), Spread: s.Spread}
	if s.Draw != nil {
		slow.Draw = func(random uint64) time.Duration { return time.Duration(float64(s.Draw(random)) * factor) }
	}
	return slow
}

// mix scatters the bits of a number (SplitMix64's finalizer).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p)) // a hash never returns an error
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}
