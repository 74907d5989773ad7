// Package awsclient is what every client of AWS's SDK shares: the settings of HTTP, and the account of calls and of what
// they cost.
package awsclient

import (
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout    = 3 * time.Second  // also a name that is looked up; a service of the same region answers in milliseconds
	keepAlive      = 30 * time.Second // between probes of a connection at rest
	idleTimeout    = 50 * time.Second // DynamoDB closes connections at rest after about a minute: we first, or a call meets it
	answerTimeout  = 30 * time.Second // to an answer's first byte; a long poll of SQS takes up to 20 seconds
	idlePerService = 64               // connections at rest that are kept for each host
)

// HTTP returns a client with the product's settings: short waits for a connection, one large pool per host, no redirects.
// Calls have deadlines of their own; these settings bound what a context does not, a peer that went away silently.
func HTTP() *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: answerTimeout,
			IdleConnTimeout:       idleTimeout,
			MaxIdleConnsPerHost:   idlePerService,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
