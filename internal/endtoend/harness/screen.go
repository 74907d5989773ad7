package harness

import (
	"bytes"
	"sync"
)

// Screen is what a program has printed so far; it can be read while the program runs.
type Screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.text.Write(p) // a buffer never fails
	return n, nil
}

func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
