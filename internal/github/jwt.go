package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Life of an App's token. GitHub allows ten minutes between its own clock and exp, and recommends an iat one minute in the
// past; six minutes leave room for a clock that is up to a minute slow or four minutes fast.
const (
	jwtBackdate = time.Minute
	jwtLife     = 6 * time.Minute
)

// Rotating is a credential that may be replaced while the server runs.
type Rotating interface {
	// Values returns what is valid, the present value first, and makes no call.
	Values() []string
	// Refresh looks for another value because GitHub refused the one that was used, and reports whether there is one. It
	// bounds how often it looks.
	Refresh(ctx context.Context, used []string) bool
}

// fixed is a credential that does not change.
type fixed string

func (f fixed) Values() []string { return []string{string(f)} }

func (f fixed) Refresh(context.Context, []string) bool { return false }

// appSigner makes an App's own tokens (JWT, RS256).
type appSigner struct {
	id     string
	pem    Rotating
	clock  seam.Clock
	random seam.Random
	log    *slog.Logger

	mu   sync.Mutex
	used []string // what the key was made of
	key  *rsa.PrivateKey
}

func newAppSigner(app AppCredentials, clock seam.Clock, random seam.Random, log *slog.Logger) (*appSigner, error) {
	if app.ID == "" {
		return nil, errors.New("the GitHub App's id is missing: it is on the App's settings page")
	}
	s := &appSigner{id: app.ID, pem: app.PrivateKey, clock: clock, random: random, log: log}
	if s.pem == nil {
		s.pem = fixed(app.PrivateKeyPEM)
	}
	values := s.pem.Values()
	key, err := parseKey(values)
	s.used, s.key = values, key
	return s, err
}

func parseKey(values []string) (*rsa.PrivateKey, error) {
	var pem []byte
	if len(values) > 0 {
		pem = []byte(values[0])
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		return nil, fmt.Errorf("reading the GitHub App's private key (want the unencrypted .pem file of the App's settings page): %w", err)
	}
	return key, nil
}

// present returns the key, read anew if it has been replaced. One that cannot be read is said once, and the former used on.
func (s *appSigner) present() *rsa.PrivateKey {
	values := s.pem.Values()
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Equal(values, s.used) {
		return s.key
	}
	s.used = values
	key, err := parseKey(values)
	if err != nil {
		s.log.Error("the App's key was replaced by what is none; the former one is used on", "error", err)
		return s.key
	}
	s.key = key
	return key
}

// refresh looks for another key after GitHub has refused a token that was signed with the present one.
func (s *appSigner) refresh(ctx context.Context) bool {
	s.mu.Lock()
	used := s.used
	s.mu.Unlock()
	return s.pem.Refresh(ctx, used)
}

// token signs a fresh token. The jti keeps two tokens of one second apart, so that one refused as a replay is not sent again.
func (s *appSigner) token() (string, error) {
	const jtiBytes = 16
	now := s.clock.Now()
	claims := jwt.RegisteredClaims{
		Issuer:    s.id,
		IssuedAt:  jwt.NewNumericDate(now.Add(-jwtBackdate)),
		ExpiresAt: jwt.NewNumericDate(now.Add(jwtLife)),
		ID:        s.random.Token(jtiBytes),
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(s.present())
	if err != nil {
		return "", fmt.Errorf("signing the GitHub App's token: %w", err)
	}
	return signed, nil
}
