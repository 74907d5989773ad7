package awsfault

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Proxy stands between programs and an emulator (AWS_ENDPOINT_URL is its address) and makes their calls fail. It lives
// longer than they do, so it knows what was called also by those that were killed.
type Proxy struct {
	// URL is where it listens.
	URL string
	// Faults is the transport on which the calls fail.
	Faults *Random

	transport *http.Transport
	server    *http.Server
	over      sync.WaitGroup
}

const (
	connections   = 128 // kept at rest to the emulator
	headerTimeout = 10 * time.Second
)

// StartProxy opens a port before an emulator.
func StartProxy(ctx context.Context, target string, rates Rates, seed uint64) (*Proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("reading the emulator's address: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port before the emulator: %w", err)
	}
	p := &Proxy{URL: "http://" + listener.Addr().String(), transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	p.Faults = NewRandom(p.transport, rates, seed, seam.System{})
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	p.server = &http.Server{ReadHeaderTimeout: headerTimeout, ErrorLog: quiet, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { // the host stays, since it is signed
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = u.Scheme, u.Host, r.In.Host
		},
		Transport: p.Faults, FlushInterval: -1, ErrorLog: quiet,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // cuts the connection
	}}
	p.over.Go(func() { _ = p.server.Serve(listener) })
	return p, nil
}

// Close cuts off what is under way.
func (p *Proxy) Close() {
	_ = p.server.Close()
	p.over.Wait()
	p.transport.CloseIdleConnections()
}
