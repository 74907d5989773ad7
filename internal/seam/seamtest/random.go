package seamtest

import (
	"encoding/hex"
	"math/rand/v2"
	"sync"
)

// Random is a seam.Random that gives the same for the same seed, and counts what it gives.
type Random struct {
	mu    sync.Mutex
	from  *rand.Rand
	given int
}

// NewRandom returns chance of a seed.
func NewRandom(seed uint64) *Random { return &Random{from: rand.New(rand.NewPCG(seed, 0))} }

// Uint64 implements seam.Random.
func (r *Random) Uint64() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given++
	return r.from.Uint64()
}

// Token implements seam.Random: each of its bytes is one number.
func (r *Random) Token(bytes int) string {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return hex.EncodeToString(b)
}

// Given is how many numbers were given.
func (r *Random) Given() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.given
}
