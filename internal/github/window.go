package github

import (
	"sync"
	"time"
)

// GitHub counts a minute; we count it in seconds, with one second more because a second is counted as a whole.
const (
	windowSeconds = 61
	windowLength  = windowSeconds * time.Second
)

// window counts what was spent in the last minute and refuses what would exceed its limit. Unlike a bucket that refills,
// it holds for every minute, wherever GitHub's own begins.
type window struct {
	mu    sync.Mutex
	limit int
	spent [windowSeconds]int
	total int
	begun bool
	last  int64 // the newest second counted
}

func newWindow(limit int) *window { return &window{limit: limit} }

// take spends n, or says when that will be possible.
func (w *window) take(now time.Time, n int) (bool, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(now.Unix())
	if w.total+n <= w.limit {
		*w.slot(w.last) += n
		w.total += n
		return true, time.Time{}
	}
	free := w.limit - w.total
	for second := w.last - windowSeconds + 1; second <= w.last; second++ {
		free += *w.slot(second)
		if free >= n {
			return false, time.Unix(second+windowSeconds, 0).UTC()
		}
	}
	return false, now.Add(windowLength)
}

// advance forgets the seconds that have left the window. A clock that steps back spends in the newest second known.
func (w *window) advance(second int64) {
	if !w.begun || second-w.last >= windowSeconds {
		w.spent, w.total, w.last, w.begun = [windowSeconds]int{}, 0, second, true
		return
	}
	for w.last < second {
		w.last++
		slot := w.slot(w.last)
		w.total -= *slot
		*slot = 0
	}
}

// slot is where a second is counted; seconds before 1970 have one too.
func (w *window) slot(second int64) *int {
	return &w.spent[((second%windowSeconds)+windowSeconds)%windowSeconds]
}
