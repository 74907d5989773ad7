// Package pool decides what a pool does next: which machines it creates, starts, stops, ends or replaces, and why.
//
// It is pure: Make is a function of the pool, its schedule, what was observed of its machines, how long booting took before,
// and the time. What it never does, whatever it is given:
//
//   - exceed the pool's max, counting what is still on its way and what has not ended yet;
//   - touch a machine that a job has taken, or that is none of ready and stopped;
//   - stop or end a machine within its boot's grace;
//   - launch while jobs wait for the same room.
//
// What it gives is given at most once for each observation (Planner), and grows and shrinks by a bounded number at a time.
package pool
