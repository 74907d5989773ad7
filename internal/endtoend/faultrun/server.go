package faultrun

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// server is one of the replicas, through all its lives.
type server struct {
	name    string
	address string // host:port, the same in every life
	args    []string
	env     []string
	program string
	log     string

	mu      sync.Mutex
	process *process
	down    bool // killed, and not started again yet
	began   time.Time
	lives   int
}

func (w *world) newServer(ctx context.Context, n int, shared []string) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	name := "server " + strconv.Itoa(n)
	s := &server{
		name: name, address: address, env: w.env, program: filepath.Join(w.o.Programs, "runs-fleet"),
		log: filepath.Join(w.o.Folder, fmt.Sprintf("server-%d.log", n)),
	}
	s.args = append([]string{
		"serve", "--data", filepath.Join(w.o.Folder, fmt.Sprintf("data-%d", n)), "--github-url", w.github.url + "/api/v3",
		"--repository", repository, "--listen", address, "--max-runners", strconv.Itoa(w.o.MaxRunners),
	}, shared...)
	return s, nil
}

// start begins a life.
func (s *server) start(now time.Time) error {
	p, err := start(s.log, s.program, s.args, s.env)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process, s.down, s.began = p, false, now
	s.lives++
	return nil
}

// take marks a server that runs as down and returns its process; nil if there is none to kill.
func (s *server) take() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down || s.process == nil || s.process.over() {
		return nil
	}
	s.down = true
	return s.process
}

// ended says how a life has ended that should not have; nil while everything is as it should be.
func (s *server) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down || s.process == nil || !s.process.over() {
		return nil
	}
	return fmt.Errorf("%s ended by itself: %w; its log is %s", s.name, s.process.err, s.log)
}

// ready asks whether it takes requests.
func (s *server) ready(ctx context.Context, client *http.Client) bool {
	const within = 2 * time.Second
	ctx, cancel := seam.System{}.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return address, nil
}
