package bootstrap_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/bootstrap"
)

func script(change ...func(*bootstrap.Script)) bootstrap.Script {
	s := bootstrap.Script{
		ControlPlane: "https://fleet.example.com", Fleet: "f1", AMD64: strings.Repeat("a", 64), ARM64: strings.Repeat("b", 64), Boot: 10 * time.Minute,
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func TestUserDataFitsAndIsTheSameEveryTime(t *testing.T) { // failure mode I1
	rapid.Check(t, func(t *rapid.T) {
		s := script(func(s *bootstrap.Script) {
			s.ControlPlane = "https://" + rapid.StringMatching(`[a-z][a-z0-9.-]{0,252}`).Draw(t, "host")
			s.Fleet = rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "fleet")
		})
		first, err := s.Render()
		again, errAgain := s.Render()
		if err != nil || errAgain != nil || !bytes.Equal(first, again) {
			t.Fatalf("two scripts of one: %v, %v", err, errAgain)
		}
		if len(first) > bootstrap.MaxBytes || !bytes.HasPrefix(first, []byte("#!/bin/bash\n")) {
			t.Fatalf("%d bytes, which begin with %.12q", len(first), first)
		}
	})
}

func TestWhatCouldBreakTheScriptIsRefused(t *testing.T) {
	for name, change := range map[string]func(*bootstrap.Script){
		"an address that is none":    func(s *bootstrap.Script) { s.ControlPlane = "fleet.example.com" },
		"an address with a path":     func(s *bootstrap.Script) { s.ControlPlane = "https://fleet.example.com/a" },
		"an address with a password": func(s *bootstrap.Script) { s.ControlPlane = "https://a:b@fleet.example.com" },
		"a quote in the address":     func(s *bootstrap.Script) { s.ControlPlane = "https://x';reboot;'" },
		"a quote in the fleet":       func(s *bootstrap.Script) { s.Fleet = "f'1" },
		"a digest that is none":      func(s *bootstrap.Script) { s.AMD64 = "abc" },
		"no agent at all":            func(s *bootstrap.Script) { s.AMD64, s.ARM64 = "", "" },
		"no time to boot":            func(s *bootstrap.Script) { s.Boot = time.Second },
	} {
		if b, err := script(change).Render(); err == nil {
			t.Errorf("%s is accepted:\n%.300s", name, b)
		}
	}
}
