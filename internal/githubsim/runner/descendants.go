package runner

// AdoptOrphans makes this process the parent of every descendant whose own parent ends. The demo uses it to find what a
// server has left behind.
func AdoptOrphans() error { return adoptOrphans() }

// Descendants counts the living processes below this one.
func Descendants() int { return countDescendants() }

// Reap takes leave of adopted processes that have ended. No child may be one that something waits for.
func Reap() { reapEnded() }
