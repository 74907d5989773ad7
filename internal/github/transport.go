package github

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of the connection. A peer that stops acknowledging would otherwise hold a call for as long as TCP retransmits,
// about fifteen minutes.
const (
	dialTimeout     = 5 * time.Second  // three SYNs
	tlsTimeout      = 5 * time.Second  // two round trips, generously
	headerTimeout   = 20 * time.Second // GitHub itself gives up after 10 s
	idleConnTimeout = 90 * time.Second
	probeInterval   = 15 * time.Second // of an idle HTTP/2 or TCP connection
	probeTimeout    = 10 * time.Second
	idlePerHost     = 16 // a poll of many repositories reuses its connections
)

// NewTransport returns the HTTP transport for GitHub: bounded pools, and a time limit on each step of a call.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeInterval, Interval: probeInterval / 3, Count: 3},
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   tlsTimeout,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       idleConnTimeout,
		MaxIdleConnsPerHost:   idlePerHost,
		MaxConnsPerHost:       maxInFlight,
		ForceAttemptHTTP2:     true,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: probeInterval, PingTimeout: probeTimeout, WriteByteTimeout: probeTimeout,
		},
	}
}

// credentialKey is the context key of what authorizer adds to a request.
type credentialKey struct{}

// onRequest is what one call adds to its request's headers.
type onRequest struct {
	token string
	etag  string
}

func withRequest(ctx context.Context, r onRequest) context.Context {
	return context.WithValue(ctx, credentialKey{}, r)
}

// authorizer adds the call's own token to a copy of each request to the API, and to nothing else. The transport below is
// shared by all credentials and never changed.
type authorizer struct {
	base *url.URL
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a authorizer) RoundTrip(r *http.Request) (*http.Response, error) {
	add, ok := r.Context().Value(credentialKey{}).(onRequest)
	if !ok || !sameOrigin(r.URL, a.base) {
		return a.next.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+add.token)
	if add.etag != "" {
		r.Header.Set("If-None-Match", add.etag)
	}
	return a.next.RoundTrip(r)
}

// sameOriginOnly follows a renamed repository within the API and nothing else: a redirect to another host is handed back,
// and so is one that would turn a POST into a GET.
func (c *Client) sameOriginOnly(r *http.Request, via []*http.Request) error {
	const mostHops = 3
	if len(via) > mostHops || !sameOrigin(r.URL, c.base) || r.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Host, b.Host)
}
