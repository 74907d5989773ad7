// Package awsfault makes calls of AWS fail on their way: for a backend's tests one call at a time (Script), for whole servers
// at random (Random), in their own process or between them and an emulator (Proxy).
package awsfault

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Fault is what becomes of one request; next sends it.
type Fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// ErrLost is the error of a connection that ended without an answer.
var ErrLost = errors.New("connection reset")

// LostRequest never arrives: the connection is cut before.
func LostRequest(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	return nil, errors.Join(ErrLost, closeBody(r))
}

// LostAnswer lets the request have its effect and loses the answer: the connection is cut after it.
func LostAnswer(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	err := had(r, next)
	return nil, errors.Join(ErrLost, err)
}

// LateAnswer lets the request have its effect, and the answer comes when nobody waits for it any more.
func LateAnswer(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	if err := had(r, next); err != nil {
		return nil, err
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Silence never answers, and nothing happens.
func Silence(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	if r.Body != nil { // a server notices that its client went away once it has read the request
		_, _ = io.Copy(io.Discard, r.Body)
	}
	<-r.Context().Done()
	return nil, errors.Join(r.Context().Err(), closeBody(r))
}

// Done lets the request have its effect and answers something else.
func Done(answer Fault) Fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if err := had(r, next); err != nil {
			return nil, err
		}
		return answer(r, next)
	}
}

// had sends a request and throws its answer away.
func had(r *http.Request, next http.RoundTripper) error {
	response, err := next.RoundTrip(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// Answers is an answer that the service did not give.
func Answers(status int, header http.Header, body string) Fault {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return &http.Response{
			Status: http.StatusText(status), StatusCode: status, Header: header.Clone(), Request: r, ProtoMajor: 1, ProtoMinor: 1,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, closeBody(r)
	}
}

// CutAnswer ends the connection after so many bytes of the answer's body.
func CutAnswer(after int64) Fault {
	return Changed(func(body io.Reader, _ context.Context) io.Reader {
		return io.MultiReader(io.LimitReader(body, after), broken{})
	})
}

// StallsAfter sends so many bytes of the answer's body and then nothing, until the request is given up.
func StallsAfter(after int64) Fault {
	return Changed(func(body io.Reader, ctx context.Context) io.Reader {
		return io.MultiReader(io.LimitReader(body, after), silent{ctx})
	})
}

// Damaged changes the first byte of the answer's body.
func Damaged(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	return Changed(func(body io.Reader, _ context.Context) io.Reader {
		_, _ = io.CopyN(io.Discard, body, 1)
		return io.MultiReader(strings.NewReader("?"), body)
	})(r, next)
}

// Changed changes the answer's body. The context is the request's.
func Changed(change func(io.Reader, context.Context) io.Reader) Fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err == nil {
			response.Body = struct {
				io.Reader
				io.Closer
			}{change(response.Body, r.Context()), response.Body}
		}
		return response, err
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type silent struct{ ctx context.Context } //nolint:containedctx // of the request whose answer it is

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// closeBody does what a transport must, also for a request that it does not send.
func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close() //nolint:wrapcheck // a transport's own error
}
