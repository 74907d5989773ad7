// Package demo shows the product at work: it starts a simulated GitHub in its own process, the product's server in another,
// lets the workflows of examples/ run on that server's runners, and checks that nothing is left when the server has stopped.
package demo
