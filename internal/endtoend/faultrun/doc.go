// Package faultrun runs the real servers in real time while everything around them fails: three `runs-fleet serve` behind a
// balancer, DynamoDB and SQS in emulators behind a proxy on which calls fail, servers and agents that are killed, webhooks
// that are lost and jobs that others take. It judges at every termination and at the end, and gives the figures of
// docs/reliability.md.
//
// GitHub is the simulated one. Most machines are the agent's own code (internal/agent) in this process, with a listener that
// speaks the runner's protocol and has no processes; the others are real ones of `runs-fleet host`.
package faultrun
