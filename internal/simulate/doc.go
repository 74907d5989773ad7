// Package simulate runs the whole control plane under a virtual clock, driven by a seed: several controllers, the state
// machine of the simulated GitHub, the simulated cloud of provider/sim, and the agents of its machines, all in one
// testing/synctest bubble, with faults of every kind. It asserts the invariants of docs/architecture.md by name while it
// runs and at the end.
//
// The same seed replays exactly. Every seam parks its caller on the scheduler, which lets one go at a time, chosen by the
// seed, and only when everything else is blocked.
package simulate
