// Package agent is what runs on a machine: it says hello, polls for orders, supervises the runner's processes, and
// reports. What it decides is in decide.go and the files beside it, as a pure function of its state, an event and the
// time; everything else carries that out.
package agent
