// Package peers is how replicas of one fleet talk to each other: one request, which says that a machine's agent has an order.
// It is a hint and nothing else: whoever forges one makes a replica read a row.
package peers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Path is where a replica takes wakes (web.ReplicaPath).
const Path = "/replica/v1/wake"

const (
	signatureHeader = "X-Runs-Fleet-Signature"
	maxBody         = 4 << 10
	maxAge          = time.Minute // replicas' clocks may differ by seconds
)

// Key signs what replicas tell each other. Replicas have nothing in common but the credentials that they work with, so the
// key is made of one of these, and nobody has to hand out another secret.
type Key [sha256.Size]byte

// KeyOf derives the key. While a credential is being replaced, replicas may have different keys: hints are lost then, and
// agents get their orders some seconds later.
func KeyOf(credential []byte) Key {
	mac := hmac.New(sha256.New, credential)
	mac.Write([]byte("runs-fleet replicas, version 1"))
	return Key(mac.Sum(nil))
}

func (k Key) sign(body []byte) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// wake is the request's body.
type wake struct {
	Machine string    `json:"machine"`
	At      time.Time `json:"at"`
}

// errWake is what a request is refused with.
var errWake = errors.New("no wake of a replica of this fleet")

// Handler takes wakes: 204 when the machine's poll was told, 403 for what no replica signed, 400 for what cannot be read.
func Handler(key Key, clock seam.Clock, here func(machine string) error) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxBody))
		if err != nil {
			http.Error(out, "the request broke off or is too long", http.StatusBadRequest)
			return
		}
		w, err := key.open(body, r.Header.Get(signatureHeader), clock.Now())
		if err != nil {
			http.Error(out, err.Error(), http.StatusForbidden)
			return
		}
		if err := here(w.Machine); err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		out.WriteHeader(http.StatusNoContent)
	})
}

func (k Key) open(body []byte, signature string, now time.Time) (w wake, err error) {
	if !hmac.Equal([]byte(k.sign(body)), []byte(signature)) {
		return w, fmt.Errorf("%w: the signature does not match", errWake)
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return w, fmt.Errorf("%w: %w", errWake, err)
	}
	if age := now.Sub(w.At).Abs(); age > maxAge {
		return w, fmt.Errorf("%w: it is %s away from this replica's clock", errWake, age.Round(time.Second))
	}
	return w, nil
}
