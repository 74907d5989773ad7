// Package api is EC2's API as this product calls it: each region with limits of its own on the injected clock, no repetitions, a
// deadline for every call, and errors told apart by their code.
package api
