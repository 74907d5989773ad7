// Package harness is what tests need that run the real programs in processes of their own: the processes and what they
// print, a simulated GitHub for them to talk to, and time to wait.
package harness
