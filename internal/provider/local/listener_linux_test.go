package local_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// listenerMain is a listener whose JIT config is a shell script: the job. "wait" is no script: it listens until SIGINT.
func listenerMain() int {
	script := os.Getenv("ACTIONS_RUNNER_INPUT_JITCONFIG")
	if len(os.Args) != 2 || os.Args[1] != "run" || script == "" {
		fmt.Println("not configured")
		return 1
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT)
	if err := os.MkdirAll("_diag", 0o700); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := os.WriteFile("_diag/Runner_1.log", []byte("listening\n"), 0o600); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("√ Connected to GitHub")
	fmt.Println("2026-01-02 03:04:05Z: Listening for Jobs")
	if script == "wait" {
		<-interrupted
		return 0
	}
	fmt.Println("2026-01-02 03:04:06Z: Running job: test")
	worker := exec.Command("bin/Runner.Worker", script)
	for _, v := range os.Environ() {
		if len(v) > 29 && v[:29] == "ACTIONS_RUNNER_INPUT_JITCONFIG" {
			continue
		}
		worker.Env = append(worker.Env, v)
	}
	if err := worker.Run(); err != nil {
		fmt.Println("2026-01-02 03:04:07Z: Job test completed with result: Failed")
		return 0
	}
	fmt.Println("2026-01-02 03:04:07Z: Job test completed with result: Succeeded")
	return 0
}

// workerMain runs the script, and keeps what it says in the worker's log.
func workerMain() int {
	log, err := os.Create("_diag/Worker_1.log")
	if err != nil {
		return 1
	}
	defer log.Close()
	job := exec.Command("/bin/sh", "-c", os.Args[1])
	job.Stdout, job.Stderr = log, log
	job.Dir = "."
	if err := job.Run(); err != nil {
		fmt.Fprintln(log, "script:", err)
		return 1
	}
	return 0
}
