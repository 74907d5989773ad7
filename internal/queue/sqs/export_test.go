package sqs

// Waiting is how many messages wait for a call.
func Waiting(q *Queue) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.batches.waiting)
}
