// Package guide tries docs/guide.md: its tests run every command of it as a reader would, in order, with the programs as they
// are installed and a simulated GitHub in the place of the real one.
package guide
