package boot

import "unsafe"

// unsafePointer is the one use of unsafe: prctl takes a name by address.
func unsafePointer(p *byte) unsafe.Pointer { return unsafe.Pointer(p) } //nolint:gosec // as said
