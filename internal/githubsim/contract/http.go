package contract

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
)

// Transport validates every request before it is sent and every answer before it is returned. A violation is an error
// of the round trip, so that the client's test fails.
func (c *Contract) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{contract: c, base: base}
}

type transport struct {
	contract *Contract
	base     http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	checked := r.Clone(r.Context()) // validation replaces the body, which a round tripper may not do
	if r.Body != nil {
		content, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("reading the request's body: %w", err)
		}
		checked.Body = io.NopCloser(bytes.NewReader(content))
	}
	input, err := t.contract.request(checked)
	if err != nil {
		return nil, err
	}
	response, err := t.base.RoundTrip(checked)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("reading the answer's body: %w", err)
	}
	if err := t.contract.answer(r.Context(), input, response.StatusCode, response.Header, body); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// Handler validates what next answers, and that it refuses requests which GitHub does not describe: what it accepts with
// a status below 400 must be described. Violations go to report.
func (c *Contract) Handler(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		input, violation := c.request(r)
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		if violation != nil && recorder.Code < http.StatusBadRequest {
			report(fmt.Errorf("it was accepted with %d, although %w", recorder.Code, violation))
		}
		if input != nil {
			if err := c.answer(r.Context(), input, recorder.Code, recorder.Header(), recorder.Body.Bytes()); err != nil {
				report(err)
			}
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes()) // a client that has gone needs no answer
	})
}
