package ingress

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"sync"
)

// signatures checks X-Hub-Signature-256 against one or two secrets.
type signatures struct {
	secrets []*sync.Pool // of hash.Hash, keyed with the secret
}

func newSignatures(secrets []string) (*signatures, error) {
	const most = 2 // the one that is and the one that was
	if len(secrets) == 0 || len(secrets) > most {
		return nil, errors.New("a webhook needs one secret, or two while one replaces the other")
	}
	s := &signatures{}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("a webhook's secret is empty: anyone could sign with it")
		}
		key := []byte(secret)
		s.secrets = append(s.secrets, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	}
	return s, nil
}

// verify compares in constant time, over the raw bytes. It returns the sum that the body was signed with.
func (s *signatures) verify(header string, body []byte) (sum [sha256.Size]byte, ok bool) {
	digits, found := strings.CutPrefix(header, "sha256=")
	var given [sha256.Size]byte
	if !found || len(digits) != hex.EncodedLen(sha256.Size) {
		return sum, false
	}
	if _, err := hex.Decode(given[:], []byte(digits)); err != nil {
		return sum, false
	}
	for _, pool := range s.secrets {
		mac := pool.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
		mac.Reset()
		_, _ = mac.Write(body) // a hash never fails
		mac.Sum(sum[:0])
		pool.Put(mac)
		if hmac.Equal(sum[:], given[:]) {
			return sum, true
		}
	}
	return [sha256.Size]byte{}, false
}
