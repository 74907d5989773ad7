package imds

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Machines is who knows the instance: *awssim.Server.
type Machines interface {
	Machine(id string) (awssim.Machine, bool)
}

// Options are what an instance's service is made of.
type Options struct {
	Machines Machines
	Instance string
	Clock    seam.Clock
	Random   seam.Random // of tokens
	Signer   *Signer     // of the region
}

// Service is the metadata service of one instance.
type Service struct {
	o Options

	mu     sync.Mutex
	tokens map[string]time.Time // until when they hold
}

// New makes a service. It keeps nothing but tokens.
func New(o Options) *Service { return &Service{o: o, tokens: map[string]time.Time{}} }

// Headers of IMDSv2 (page "instancedata-data-retrieval").
const (
	headerTTL   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	headerToken = "X-Aws-Ec2-Metadata-Token"
)

const (
	tokenBytes = 28
	maxTTL     = 6 * 60 * 60 // seconds
)

// At serves a process that is so many hops away from the service: one on the instance itself is at 1, one in a container with
// a network of its own at 2. Who is farther away than the hop limit gets no answer to a request for a token.
func (s *Service) At(hops int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, hops) })
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, hops int) {
	m, ok := s.o.Machines.Machine(s.o.Instance)
	if !ok || m.State != provider.Running && m.State != provider.Pending && m.State != provider.Stopping && m.State != provider.ShuttingDown {
		panic(http.ErrAbortHandler) // nothing runs that could ask
	}
	switch {
	case !m.Metadata.Enabled:
		say(w, http.StatusForbidden)
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
		s.giveToken(w, r, m, hops)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD, PUT")
		say(w, http.StatusMethodNotAllowed)
	case !s.admits(r, m):
		say(w, http.StatusUnauthorized)
	default:
		s.give(w, r, m)
	}
}

// giveToken answers a request for a token. One that was forwarded is refused (page "configuring-instance-metadata-service").
func (s *Service) giveToken(w http.ResponseWriter, r *http.Request, m awssim.Machine, hops int) {
	if r.Header.Get("X-Forwarded-For") != "" {
		say(w, http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(headerTTL))
	if err != nil || ttl < 1 || ttl > maxTTL {
		say(w, http.StatusBadRequest)
		return
	}
	if hops > m.Metadata.Hops {
		<-r.Context().Done() // the packet is dropped on the way, so nothing ever comes
		panic(http.ErrAbortHandler)
	}
	token := s.o.Random.Token(tokenBytes)
	now := s.o.Clock.Now()
	s.mu.Lock()
	for t, until := range s.tokens {
		if !now.Before(until) {
			delete(s.tokens, t)
		}
	}
	s.tokens[token] = now.Add(time.Duration(ttl) * time.Second)
	s.mu.Unlock()
	w.Header().Set(headerTTL, strconv.Itoa(ttl))
	w.Header().Set("Content-Type", "text/plain")
	write(w, token)
}

// admits says whether a request has a token that holds, if it needs one.
func (s *Service) admits(r *http.Request, m awssim.Machine) bool {
	token := r.Header.Get(headerToken)
	if token == "" {
		return !m.Metadata.TokensRequired
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	until, known := s.tokens[token]
	return known && s.o.Clock.Now().Before(until)
}

func (s *Service) give(w http.ResponseWriter, r *http.Request, m awssim.Machine) {
	text, found, err := s.look(strings.TrimPrefix(r.URL.Path, "/latest/"), m)
	switch {
	case err != nil:
		say(w, http.StatusInternalServerError)
	case !found || !strings.HasPrefix(r.URL.Path, "/latest/"):
		say(w, http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Server", "EC2ws")
		write(w, text)
	}
}

// say answers with a status alone.
func say(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	write(w, fmt.Sprintf("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>%d - %s</title></head></html>\n", status, http.StatusText(status)))
}

func write(w http.ResponseWriter, text string) {
	_, _ = w.Write([]byte(text)) //nolint:gosec // plain text, and who does not read an answer loses it
}
