// Package endtoend holds the tests that run the product as its users do: the real binaries in processes of their own, real
// HTTP, real jobs, against the simulated GitHub. What they kill, they kill with SIGKILL.
package endtoend
