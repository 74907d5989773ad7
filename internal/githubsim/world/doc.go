// Package world is the state machine behind the simulated GitHub: repositories, workflow runs, jobs, runner
// registrations and the choice of who runs what. It is pure: every method takes the time, every random choice comes from
// the injected source, and what the outside must hear of is collected as events. It has no lock, no goroutine and no
// I/O; its caller serialises the calls. No behaviour depends on the order of a map.
package world
