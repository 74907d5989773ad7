package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// stepCommand is the word with which a worker starts itself again, around the shell of one step.
const stepCommand = "run-step"

// workerMain is the command line of Runner.Worker: "spawnclient IN OUT" from the listener, with two inherited
// descriptors, and the one with which it starts the shells of steps.
func workerMain(args, _ []string) int {
	const spawnArguments = 3
	switch {
	case len(args) >= spawnArguments && args[0] == stepCommand:
		return runStep(args[1], args[2:])
	case len(args) == spawnArguments && args[0] == "spawnclient":
		in, errIn := strconv.Atoi(args[1])
		out, errOut := strconv.Atoi(args[2])
		if errIn == nil && errOut == nil {
			return runWorker(in, out)
		}
	}
	_, _ = fmt.Fprintln(os.Stderr, "Runner.Worker is started by Runner.Listener")
	return exitTerminal
}

func runWorker(in, out int) int {
	keepFromChildren(in)
	keepFromChildren(out)
	complain := func(doing string, err error) int {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", doing, err)
		return exitTerminal
	}
	if err := adoptOrphans(); err != nil {
		return complain("preparing", err)
	}
	var todo order
	orders := os.NewFile(uintptr(in), "order")
	if err := json.NewDecoder(orders).Decode(&todo); err != nil {
		return complain("reading the order", err)
	}
	_ = orders.Close()
	diag, err := openDiag(todo.Root, "Worker")
	if err != nil {
		return complain("opening the log", err)
	}
	defer func() { _ = diag.Close() }()
	reports := json.NewEncoder(os.NewFile(uintptr(out), "reports"))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// A report that cannot be written means that the listener is gone, which ends this process too.
	log := newJobLog(todo.Definition, func(text string) { _ = reports.Encode(report{Log: text}) })
	diag.log("INFO", "Running job: %s", todo.Definition.Name)
	result := perform(ctx, onInterrupt(ctx), todo, log)
	if n := killOrphans(); n > 0 {
		log.line("Cleaning up orphan processes: %d", n)
	}
	diag.log("INFO", "Job completed with result: %s", resultName(result.Conclusion))
	if err := reports.Encode(report{Result: &result}); err != nil {
		return complain("reporting the result", err)
	}
	return exitDone
}
