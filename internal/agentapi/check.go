package agentapi

import (
	"encoding/hex"
	"fmt"
	"unicode/utf8"
)

// Limits of what an agent may say. Agents stay far below them; they bound what one machine can make the control plane
// store.
const (
	maxKeyLength      = 256
	maxNameLength     = 128
	maxPhases         = 64
	maxDetailBytes    = 4 << 10
	MaxDiagnostics    = 16 << 10 // bytes of Report.Diagnostics
	keyHashBytes      = 32       // SHA-256
	maxDocumentLength = 64 << 10
)

// check refuses a hello that no control plane could use.
func (h Hello) check() error {
	if sum, err := hex.DecodeString(h.KeyHash); err != nil || len(sum) != keyHashBytes {
		return fmt.Errorf("%w: key_hash is not a hexadecimal SHA-256", ErrInvalid)
	}
	if (h.Token == "") == (h.Document == "") {
		return fmt.Errorf("%w: a hello holds either a token or an identity document", ErrInvalid)
	}
	if len(h.Token) > maxKeyLength || len(h.Document) > maxDocumentLength || len(h.Signature) > maxDocumentLength {
		return fmt.Errorf("%w: the proof of identity is too long", ErrInvalid)
	}
	if h.CPUs < 0 || h.MemMiB < 0 {
		return fmt.Errorf("%w: a machine has no negative size", ErrInvalid)
	}
	return short("version, os or arch", maxNameLength, h.Version, h.OS, h.Arch)
}

// check refuses a report that is out of the protocol's bounds.
func (r Report) check() error {
	switch r.Listener {
	case ListenerNone, ListenerStarting, ListenerConnected, ListenerStopped:
	default:
		return fmt.Errorf("%w: listener is in no known state", ErrInvalid)
	}
	if r.Sequence < 0 {
		return fmt.Errorf("%w: sequence is negative", ErrInvalid)
	}
	if len(r.Phases) > maxPhases {
		return fmt.Errorf("%w: more than %d phases", ErrInvalid, maxPhases)
	}
	for _, p := range r.Phases {
		if err := short("a phase's name", maxNameLength, p.Name); err != nil {
			return err
		}
		if err := short("a phase's detail", maxDetailBytes, p.Detail); err != nil {
			return err
		}
	}
	if err := short("runner", maxNameLength, r.Runner); err != nil {
		return err
	}
	if err := short("failure", maxDetailBytes, r.Failure); err != nil {
		return err
	}
	return short("diagnostics", MaxDiagnostics, r.Diagnostics)
}

func short(what string, limit int, values ...string) error {
	for _, v := range values {
		if len(v) > limit {
			return fmt.Errorf("%w: %s is over %d bytes", ErrInvalid, what, limit)
		}
	}
	return nil
}

// Clip shortens s to at most limit bytes, keeping its end, and never splits a character.
func Clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	s = s[len(s)-limit:]
	for s != "" && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}
