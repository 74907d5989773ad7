package controller

import "sync"

// crew says how many workers take messages. One is enough while every receive brings fewer messages than it may: it takes
// what has come meanwhile in one go, where many would each be woken for one, and each receive is a transaction. When a
// receive is full there is a backlog, and another worker joins; it leaves when the backlog is gone. A worker whose messages
// take long, because GitHub has to be asked, does not keep the others from being received: another takes its place.
type crew struct {
	mu      sync.Mutex
	free    int // workers that receive, or will in a moment
	waiting int // workers whose messages take long
	numbers uint64
}

// number returns a name for a worker.
func (c *crew) number() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers++
	return c.numbers
}

// joins counts another worker, unless there are most already.
func (c *crew) joins(most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.free+c.waiting >= most {
		return false
	}
	c.free++
	return true
}

// leaves takes a worker away, unless no other would receive.
func (c *crew) leaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.free < 2 { //nolint:mnd // this one and another
		return false
	}
	c.free--
	return true
}

// stuck says that a worker does not receive any more, and counts another in its place if none is left that would.
func (c *crew) stuck(most int) (replaced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free--
	c.waiting++
	if c.free > 0 || c.waiting >= most {
		return false
	}
	c.free++
	return true
}

// goesOn says that it does again.
func (c *crew) goesOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free++
	c.waiting--
}
