package github_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/runs-fleet/runs-fleet/internal/github"
)

// vault is a credential that is replaced; what is new shows at a refresh only.
type vault struct {
	mu            sync.Mutex
	known, actual string
	refreshes     int
}

func (v *vault) Values() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return []string{v.known}
}

func (v *vault) Refresh(_ context.Context, used []string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refreshes++
	v.known = v.actual
	return !slices.Equal(used, []string{v.known})
}

func (v *vault) becomes(actual string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.actual = actual
}

func newKey(t *testing.T) (key *rsa.PrivateKey, text string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return key, string(pem.EncodeToMemory(block))
}

// knowing answers as GitHub does of an App whose only key is that of the function.
func knowing(key func() *rsa.PublicKey, right http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return key(), nil }); err != nil {
			answer(w, http.StatusUnauthorized, `{"message":"A JSON web token could not be decoded"}`)
			return
		}
		right(w, r)
	}
}

func TestAnAppsKeyIsReplacedWhileTheServerRuns(t *testing.T) {
	first, firstText := newKey(t)
	second, secondText := newKey(t)
	known := first
	h, v := newHub(t), &vault{known: firstText, actual: firstText}
	h.on("POST /app/installations/{id}/access_tokens", knowing(func() *rsa.PublicKey { return &known.PublicKey },
		always(201, `{"token":"ghs_x","expires_at":"2099-01-01T00:00:00Z"}`)))
	h.on(mintPath, always(201, minted))
	c := h.client(func(o *github.Options) { o.App, o.Token = &github.AppCredentials{ID: "4711", PrivateKey: v}, "" })
	installation := int64(0)
	check := func() error { // each installation's token is asked for with the App's key
		installation++
		mint := mintRequest()
		mint.Repository.Installation = installation
		_, err := c.Mint(t.Context(), mint)
		return err
	}
	if err := check(); err != nil {
		t.Fatalf("with the first key: %v", err)
	}
	v.becomes(secondText)
	if err := check(); err != nil || v.refreshes != 0 {
		t.Errorf("while GitHub takes both keys: %v after %d looks for another", err, v.refreshes)
	}
	known = second // the first one was deleted at GitHub
	if err := check(); err != nil || v.refreshes != 1 {
		t.Errorf("with the second key: %v after %d looks for another, want one", err, v.refreshes)
	}
	v.becomes("no key at all")
	known = first
	if err := check(); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("when the key was replaced by what is none: %v, want GitHub's refusal", err)
	}
	known = second
	if err := check(); err != nil {
		t.Errorf("the last key that could be read is not used on: %v", err)
	}
}

func TestAPersonalTokenIsReplacedWhileTheServerRuns(t *testing.T) {
	h, v := newHub(t), &vault{known: "first", actual: "second"}
	h.on(mintPath, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer second" {
			answer(w, http.StatusUnauthorized, `{"message":"Bad credentials"}`)
			return
		}
		answer(w, http.StatusCreated, minted)
	})
	c := h.client(func(o *github.Options) { o.Token, o.Tokens = "", v })
	for range 2 {
		if _, err := c.Mint(t.Context(), mintRequest()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.requests("generate-jitconfig")); n != 3 || v.refreshes != 1 {
		t.Errorf("%d calls and %d looks for another token, want 3 and 1", n, v.refreshes)
	}
}
