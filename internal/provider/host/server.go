package host

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// maxBody is far more than any call needs.
const maxBody = 1 << 20

// server serves the calls.
type server struct {
	machines Machines
	about    About
	token    [sha256.Size]byte
	log      *slog.Logger
}

// NewHandler serves machines to whoever knows the token.
func NewHandler(machines Machines, about About, token string, log *slog.Logger) (http.Handler, error) {
	if len(token) < MinTokenChars {
		return nil, fmt.Errorf("the host's token has %d characters: it needs at least %d", len(token), MinTokenChars) //nolint:err113 // shown
	}
	s := &server{machines: machines, about: about, token: sha256.Sum256([]byte(token)), log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+callAbout, func(out http.ResponseWriter, _ *http.Request) { s.answer(out, s.about) })
	handle(mux, s, callLaunch, func(ctx context.Context, r provider.Request) (provider.Answer, error) { return machines.Launch(ctx, r) })
	handle(mux, s, callEnd, func(ctx context.Context, r endRequest) (struct{}, error) {
		return struct{}{}, machines.Terminate(ctx, r.Site, r.IDs)
	})
	handle(mux, s, callList, func(ctx context.Context, r listRequest) ([]provider.Instance, error) {
		return machines.List(ctx, r.Site)
	})
	handle(mux, s, callFree, func(ctx context.Context, r freeRequest) (int, error) { return machines.Free(ctx, r.Site, r.Spec) })
	handle(mux, s, callConsole, func(ctx context.Context, r consoleRequest) ([]byte, error) {
		return machines.ConsoleLog(ctx, r.Site, r.ID)
	})
	handle(mux, s, callVerify, func(ctx context.Context, h agentapi.Hello) (Identity, error) { return machines.Verify(ctx, h) })
	return s.guard(mux), nil
}

// guard lets nobody in who does not know the token. Hashes are compared, so that not even its length shows.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(given))
		if subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1 {
			s.fail(out, http.StatusUnauthorized, failure{kindToken, "the token is wrong"})
			return
		}
		next.ServeHTTP(out, r)
	})
}

// handle serves one call. It does not end with the request: half a launch is worth nothing, and its repetition finds it.
func handle[Q, A any](mux *http.ServeMux, s *server, call string, do func(context.Context, Q) (A, error)) {
	mux.HandleFunc("POST "+Prefix+call, func(out http.ResponseWriter, r *http.Request) {
		var q Q
		decoder := json.NewDecoder(http.MaxBytesReader(out, r.Body, maxBody))
		decoder.DisallowUnknownFields() // a replica of a newer version asks for something that would not be done
		if err := decoder.Decode(&q); err != nil {
			s.fail(out, http.StatusBadRequest, failure{kindInvalid, "reading the request: " + err.Error()})
			return
		}
		a, err := do(context.WithoutCancel(r.Context()), q)
		if err != nil {
			status := http.StatusInternalServerError
			if kindOf(err).is() != nil {
				status = http.StatusConflict
			}
			s.fail(out, status, failure{kindOf(err), err.Error()})
			return
		}
		s.answer(out, a)
	})
}

func (s *server) answer(out http.ResponseWriter, v any) {
	out.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(out).Encode(v); err != nil && !errors.Is(err, http.ErrHandlerTimeout) {
		s.log.Debug("an answer was not heard", "error", err)
	}
}

func (s *server) fail(out http.ResponseWriter, status int, f failure) {
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(status)
	if err := json.NewEncoder(out).Encode(f); err != nil {
		s.log.Debug("an answer was not heard", "error", err)
	}
}
