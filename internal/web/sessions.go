package web

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const (
	sessionCookie = "runs_fleet_session"
	sessionFor    = 12 * time.Hour // a working day
	loginFor      = 24 * time.Hour // of a one-time URL that nobody used
	maxSessions   = 1000
	secretBytes   = 32
)

// sessions are the logins of browsers. They live in memory: a restart of the server ends them, and a new URL begins one.
type sessions struct {
	clock  seam.Clock
	random seam.Random

	mu     sync.Mutex
	logins map[[sha256.Size]byte]time.Time // unused one-time tokens, by hash, until when
	live   map[[sha256.Size]byte]time.Time // sessions, by hash of their cookie, until when
}

func newSessions(clock seam.Clock, random seam.Random) *sessions {
	return &sessions{
		clock: clock, random: random,
		logins: map[[sha256.Size]byte]time.Time{}, live: map[[sha256.Size]byte]time.Time{},
	}
}

// offer makes a one-time token.
func (s *sessions) offer() string {
	token := s.random.Token(secretBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	sweep(s.logins, now)
	s.logins[sha256.Sum256([]byte(token))] = now.Add(loginFor)
	return token
}

// redeem uses a one-time token up and begins a session, whose cookie it returns.
func (s *sessions) redeem(token string) (cookie string, ok bool) {
	sum := sha256.Sum256([]byte(token))
	cookie = s.random.Token(secretBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	until, found := s.logins[sum]
	delete(s.logins, sum)
	if !found || !now.Before(until) {
		return "", false
	}
	sweep(s.live, now)
	s.live[sha256.Sum256([]byte(cookie))] = now.Add(sessionFor)
	return cookie, true
}

// valid says whether a request carries a session's cookie.
func (s *sessions) valid(r *http.Request) bool {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	until, found := s.live[sha256.Sum256([]byte(c.Value))]
	return found && s.clock.Now().Before(until)
}

// end forgets a request's session.
func (s *sessions) end(r *http.Request) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.live, sha256.Sum256([]byte(c.Value)))
	}
}

// sweep drops what has run out and, at the bound, what runs out first.
func sweep(m map[[sha256.Size]byte]time.Time, now time.Time) {
	var first [sha256.Size]byte
	var soonest time.Time
	for k, until := range m {
		if !now.Before(until) {
			delete(m, k)
			continue
		}
		if soonest.IsZero() || until.Before(soonest) {
			first, soonest = k, until
		}
	}
	if len(m) >= maxSessions {
		delete(m, first)
	}
}
