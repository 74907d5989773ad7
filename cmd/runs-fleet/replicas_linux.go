package main

import (
	"cmp"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/peers"
)

// replicas are how this server and the others of its fleet reach each other.
type replicas struct {
	key     peers.Key
	address string // of this one
	client  *peers.Client
}

// openReplicas prepares to talk to other servers; a server whose store is its own has none.
func (p *parts) openReplicas(s *server) {
	if p.alone {
		return
	}
	const few = 2
	transport := &http.Transport{MaxIdleConnsPerHost: few, IdleConnTimeout: time.Minute}
	p.onClose("connections to other servers", func() error { transport.CloseIdleConnections(); return nil })
	key := peers.KeyOf([]byte(p.secrets.credential()))
	p.replicas = &replicas{key, cmp.Or(s.settings.ReplicaURL, p.localURL), peers.NewClient(key, s.clock, transport)}
}

// handler takes what other servers tell, nil if there are none.
func (s *server) replicaHandler() http.Handler {
	if s.parts.replicas == nil {
		return nil
	}
	return peers.Handler(s.parts.replicas.key, s.clock, s.controller.WakeHere)
}
