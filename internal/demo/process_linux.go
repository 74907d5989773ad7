package demo

import "syscall"

// serverAttributes keep a Ctrl-C at the terminal away from the server, which the demo tells to stop, and make the server
// drain when the demo dies.
func serverAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}
