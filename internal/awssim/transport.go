package awssim

import (
	"bytes"
	"io"
	"net/http"
)

// Transport answers requests without a socket, in the goroutine that makes them, so that an SDK's client can be used under
// the clock of a simulation. An answer that is lost is an error of the transport.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

// RoundTrip is http.RoundTripper's.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := t.server.serve(r)
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper must close it, and it has been read
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/xml;charset=UTF-8"}}, Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: r,
	}, nil
}
