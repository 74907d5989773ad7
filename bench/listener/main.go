// Command listener stands in for the runner's listener in the benchmark of an agent's start: it says when it began, as
// nanoseconds since 1970, and waits for its end.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	began := time.Now()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	fmt.Printf("began %d\n", began.UnixNano())
	<-ended
}
