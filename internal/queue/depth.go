package queue

// Depth is how many messages a queue holds, for metrics. Backends count them at their own cost, so it is not asked for often.
type Depth struct {
	Ready int // not taken, those with a delay included
	Taken int // delivered and neither deleted nor given back
	Dead  int // dead letters
}
