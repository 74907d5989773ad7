// Package power is what an instance's power does in the simulator of EC2: when the operating system is up, what runs on the
// machine is started, with a metadata service of its own on loopback; when the power goes, it is killed. What ends by itself
// has shut its machine down.
package power
