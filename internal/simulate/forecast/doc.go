// Package forecast is what `runs-fleet simulate` asks the simulation, and what it makes of the answer: the jobs of a workload
// that is described by a few figures or read from a file, and the waits, machines and cost of the run.
//
// It is pure, and knows nothing of how jobs are simulated: that takes the package testing and the simulated GitHub, which the
// server's program must not contain. So the simulation is a program of its own, runs-fleet-simulate, and a Plan and an Outcome
// are what goes between the two.
package forecast
