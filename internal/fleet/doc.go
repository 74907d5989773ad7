// Package fleet is the domain: jobs, demands, shapes, launches and machines, their states and the transitions between
// them. It is pure: it imports nothing of this module, reads no clock and does no I/O.
package fleet
