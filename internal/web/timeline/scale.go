package timeline

import "time"

// Mark is a line of a scale.
type Mark struct {
	At    time.Duration // from the part's beginning
	Share float64       // of the part's length, 0 to 1
}

// mostMarks is how many lines a scale has at most, so that their figures fit a phone.
const mostMarks = 4

// Scale returns round moments of the part.
func (p Part) Scale() []Mark {
	length := p.Duration()
	if length <= 0 {
		return nil
	}
	step := roundStep(length / (mostMarks + 1))
	var out []Mark
	for at := step; at < length; at += step {
		out = append(out, Mark{At: at, Share: float64(at) / float64(length)})
	}
	return out
}

// roundStep is the smallest round duration that is not shorter.
func roundStep(d time.Duration) time.Duration {
	day := 24 * time.Hour
	for _, step := range []time.Duration{
		time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
		15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if step >= d {
			return step
		}
	}
	return (d + day - 1).Truncate(day)
}

// Place is where a span stands in its part, as shares of the part's length.
func (p Part) Place(s Span) (from, width float64) {
	length := float64(p.Duration())
	if length <= 0 {
		return 0, 1
	}
	return float64(s.From.Sub(p.From)) / length, float64(s.Duration()) / length
}
