package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Sessions keeps the log-ins of browsers where every replica finds them, by the digests of their secrets: what is kept logs
// nobody in.
type Sessions interface {
	// OfferLogin keeps a one-time token until then.
	OfferLogin(ctx context.Context, token string, until time.Time) error
	// RedeemLogin uses a token up and begins a session; of several callers with one token, one gets a session.
	RedeemLogin(ctx context.Context, token, session string, now, until time.Time) (ok bool, err error)
	// SessionUntil returns until when a session lives; zero if there is none.
	SessionUntil(ctx context.Context, session string) (time.Time, error)
	EndSession(ctx context.Context, session string) error
}

const (
	sessionCookie = "runs_fleet_session"
	sessionFor    = 12 * time.Hour // a working day
	loginFor      = 24 * time.Hour // of a one-time URL that nobody used
	secretBytes   = 32
	secretChars   = 2 * secretBytes // a token is hexadecimal
	// sessionDeadline bounds what a request waits to learn whether it may be answered.
	sessionDeadline = 5 * time.Second
	// believedFor is how long a replica believes in a session without asking: a page and what it fetches are one question,
	// and a logging-out elsewhere is noticed within this time.
	believedFor = 5 * time.Second
	maxBelieved = 1000
)

// sessions are the log-ins of browsers, for this replica and every other.
type sessions struct {
	kept   Sessions
	clock  seam.Clock
	random seam.Random

	mu       sync.Mutex
	believed map[string]time.Time // sessions by digest, until when they need not be asked for
}

func newSessions(kept Sessions, clock seam.Clock, random seam.Random) *sessions {
	return &sessions{kept: kept, clock: clock, random: random, believed: map[string]time.Time{}}
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// offer makes a one-time token.
func (s *sessions) offer(ctx context.Context) (string, error) {
	ctx, cancel := s.clock.WithTimeout(ctx, sessionDeadline)
	defer cancel()
	token := s.random.Token(secretBytes)
	if err := s.kept.OfferLogin(ctx, digest(token), s.clock.Now().Add(loginFor)); err != nil {
		return "", fmt.Errorf("keeping a one-time address: %w", err)
	}
	return token, nil
}

// redeem uses a one-time token up and begins a session, whose cookie it returns.
func (s *sessions) redeem(ctx context.Context, token string) (cookie string, ok bool, err error) {
	if len(token) != secretChars {
		return "", false, nil
	}
	ctx, cancel := s.clock.WithTimeout(ctx, sessionDeadline)
	defer cancel()
	cookie = s.random.Token(secretBytes)
	now := s.clock.Now()
	ok, err = s.kept.RedeemLogin(ctx, digest(token), digest(cookie), now, now.Add(sessionFor))
	switch {
	case err != nil:
		return "", false, fmt.Errorf("beginning a session: %w", err)
	case !ok:
		return "", false, nil
	default:
		return cookie, true, nil
	}
}

// valid says whether a request carries a session's cookie.
func (s *sessions) valid(r *http.Request) (bool, error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil || len(c.Value) != secretChars { // nothing is asked of the store for what was never a session
		return false, nil
	}
	key, now := digest(c.Value), s.clock.Now()
	if s.believes(key, now) {
		return true, nil
	}
	ctx, cancel := s.clock.WithTimeout(r.Context(), sessionDeadline)
	defer cancel()
	until, err := s.kept.SessionUntil(ctx, key)
	if err != nil {
		return false, fmt.Errorf("looking for a session: %w", err)
	}
	if !now.Before(until) {
		return false, nil
	}
	s.believe(key, now, until)
	return true, nil
}

func (s *sessions) believes(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.believed[key])
}

func (s *sessions) believe(key string, now, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.believed) >= maxBelieved {
		clear(s.believed) // they are asked for again
	}
	if soon := now.Add(believedFor); soon.Before(until) {
		until = soon
	}
	s.believed[key] = until
}

// end forgets a request's session, at once here and within believedFor elsewhere.
func (s *sessions) end(r *http.Request) error {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	key := digest(c.Value)
	s.mu.Lock()
	delete(s.believed, key)
	s.mu.Unlock()
	ctx, cancel := s.clock.WithTimeout(r.Context(), sessionDeadline)
	defer cancel()
	if err := s.kept.EndSession(ctx, key); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}
