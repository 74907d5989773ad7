package github

import (
	"crypto/rsa"
	"errors"
	"fmt"
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

// appSigner makes an App's own tokens (JWT, RS256).
type appSigner struct {
	id     string
	key    *rsa.PrivateKey
	clock  seam.Clock
	random seam.Random
}

func newAppSigner(app AppCredentials, clock seam.Clock, random seam.Random) (*appSigner, error) {
	if app.ID == "" {
		return nil, errors.New("the GitHub App's id is missing: it is on the App's settings page")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(app.PrivateKeyPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the GitHub App's private key (want the unencrypted .pem file of the App's settings page): %w", err)
	}
	return &appSigner{id: app.ID, key: key, clock: clock, random: random}, nil
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
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("signing the GitHub App's token: %w", err)
	}
	return signed, nil
}
