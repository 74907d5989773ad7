package agent

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// listenerMain follows the script in its JIT config, word by word.
func listenerMain() int {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT)
	if err := os.MkdirAll("_diag", 0o700); err != nil {
		return 1
	}
	for word := range strings.FieldsSeq(os.Getenv("ACTIONS_RUNNER_INPUT_JITCONFIG")) {
		verb, argument, _ := strings.Cut(word, "=")
		switch verb {
		case "connect":
			fmt.Println("√ Connected to GitHub\n2026-01-02 03:04:05Z: Listening for Jobs")
		case "long": // a line beyond any buffer
			fmt.Println(strings.Repeat("x", 100<<10))
		case "environment":
			if err := os.WriteFile("_diag/Runner_environment.log", []byte(strings.Join(os.Environ(), "\n")), 0o600); err != nil {
				return 1
			}
		case "wait":
			<-interrupted
		case "stubborn":
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
			select {}
		case "work": // how the worker behaves
			worker := exec.Command("bin/"+workerName, argument)
			if err := worker.Run(); err != nil {
				fmt.Println(err)
			}
		case "orphan": // a grandchild that loses its parent, and holds the output open
			orphan := exec.Command("/bin/sh", "-c", "(sleep "+argument+" &) ; exit 0")
			orphan.Stdout = os.Stdout
			if err := orphan.Run(); err != nil {
				return 1
			}
		case "exit":
			n, err := strconv.Atoi(argument)
			if err != nil {
				return 1
			}
			return n
		}
	}
	return 0
}

// workerMain writes its log, and stays until the named pipe ends.
func workerMain() int {
	if err := os.WriteFile("_diag/Worker_20260102.log", []byte("at work\n"), 0o600); err != nil {
		return 1
	}
	if os.Args[1] == "short" {
		return 0
	}
	gate, err := os.Open(os.Args[1]) // a pipe: its end comes when the test lets it go on
	if err != nil {
		return 1
	}
	if _, err := io.Copy(io.Discard, gate); err != nil {
		return 1
	}
	return 0
}
