package agent

import "strings"

// listen reads one line of a listener's output. The texts are those of the official runner; a line that it no longer
// prints costs a few hundred milliseconds of knowledge, since processes and files are looked at as well.
func listen(line string) Saying {
	switch {
	case strings.Contains(line, "Listening for Jobs"):
		return SaysListening
	case strings.Contains(line, "Running job:"):
		return SaysRunning
	case strings.Contains(line, "completed with result:"):
		return SaysCompleted
	case strings.Contains(line, "registration has been deleted"), strings.Contains(line, "Runner not found"):
		return SaysLost
	default:
		return SaysNothing
	}
}
