package ingress

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Rotating are the webhook's secrets when they may be replaced while the server runs: one, or two while one replaces the
// other, the present one first.
type Rotating interface {
	// Values returns what is valid, and makes no call.
	Values() []string
	// Refresh looks for other secrets because those that were used matched no signature, and reports whether there are any. It
	// bounds how often it looks: anyone can send a wrong signature.
	Refresh(ctx context.Context, used []string) bool
}

// fixed are secrets that do not change.
type fixed []string

func (f fixed) Values() []string { return f }

func (f fixed) Refresh(context.Context, []string) bool { return false }

// refreshDeadline is how long a delivery waits for other secrets. GitHub waits 10 s for the answer.
const refreshDeadline = 3 * time.Second

// verifier checks signatures against the secrets that are valid at the time.
type verifier struct {
	secrets Rotating
	clock   seam.Clock
	present atomic.Pointer[signatures]
}

func newVerifier(secrets Rotating, clock seam.Clock) (*verifier, error) {
	v := &verifier{secrets: secrets, clock: clock}
	_, err := v.signatures()
	return v, err
}

// signatures returns the check against the present secrets, which is made anew when they have changed.
func (v *verifier) signatures() (*signatures, error) {
	values := v.secrets.Values()
	if s := v.present.Load(); s != nil && slices.Equal(s.secrets, values) {
		return s, nil
	}
	s, err := newSignatures(values)
	if err != nil {
		return nil, err
	}
	v.present.Store(s)
	return s, nil
}

// verify returns the sum that the body was signed with. A signature that matches no secret is tried once more if there are
// others meanwhile: GitHub may have been given the new secret before this server has read it.
func (v *verifier) verify(ctx context.Context, header string, body []byte) (sum [sha256.Size]byte, ok bool) {
	given, ok := signatureOf(header)
	if !ok {
		return sum, false
	}
	s, err := v.signatures()
	if err != nil {
		return sum, false
	}
	if s.match(given, body) {
		return given, true
	}
	ctx, cancel := v.clock.WithTimeout(ctx, refreshDeadline)
	defer cancel()
	if !v.secrets.Refresh(ctx, s.secrets) {
		return sum, false
	}
	if s, err = v.signatures(); err != nil || !s.match(given, body) {
		return sum, false
	}
	return given, true
}

// signatureOf reads the header X-Hub-Signature-256.
func signatureOf(header string) (given [sha256.Size]byte, ok bool) {
	digits, found := strings.CutPrefix(header, "sha256=")
	if !found || len(digits) != hex.EncodedLen(sha256.Size) {
		return given, false
	}
	_, err := hex.Decode(given[:], []byte(digits))
	return given, err == nil
}

// signatures checks signatures against one or two secrets.
type signatures struct {
	secrets []string
	keyed   []*sync.Pool // of hash.Hash, keyed with the secret
}

func newSignatures(secrets []string) (*signatures, error) {
	const most = 2 // the one that is and the one that was
	if len(secrets) == 0 || len(secrets) > most {
		return nil, errors.New("a webhook needs one secret, or two while one replaces the other")
	}
	s := &signatures{secrets: slices.Clone(secrets)}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("a webhook's secret is empty: anyone could sign with it")
		}
		key := []byte(secret)
		s.keyed = append(s.keyed, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	}
	return s, nil
}

// match compares over the raw bytes, with every secret and in constant time: how long it takes tells neither how much of a
// signature is right nor which secret it was made with.
func (s *signatures) match(given [sha256.Size]byte, body []byte) bool {
	matches := 0
	for _, pool := range s.keyed {
		mac := pool.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
		mac.Reset()
		_, _ = mac.Write(body) // a hash never fails
		var sum [sha256.Size]byte
		mac.Sum(sum[:0])
		pool.Put(mac)
		matches |= subtle.ConstantTimeCompare(sum[:], given[:])
	}
	return matches == 1
}
