package awssim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
)

// maxRequest is more than the largest CreateFleet.
const maxRequest = 4 << 20

// apiVersion is the only one that the SDKs speak.
const apiVersion = "2016-11-15"

// reply is an answer on its way.
type reply struct {
	status int
	body   []byte
}

// Handler serves the API over HTTP, for every region: the signature says which one is meant. A lost answer closes the
// connection.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := s.serve(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
		w.WriteHeader(a.status)
		if _, err := w.Write(a.body); err != nil {
			s.log.DebugContext(r.Context(), "the caller left before its answer", slog.String("error", err.Error()))
		}
	})
}

// serve answers a request. An error means that there is no answer.
func (s *Server) serve(r *http.Request) (reply, error) {
	id, o := s.nextRequest(), Observed{}
	body, err := s.do(r, id, &o)
	answer := reply{http.StatusOK, body}
	if err != nil {
		status, code, message, said := refusal(err)
		if !said {
			return reply{}, err
		}
		o.Code = code
		if body, err = query.Refusal(id, code, message); err != nil {
			return reply{}, fmt.Errorf("refusing %s: %w", o.Action, err)
		}
		answer = reply{status, body}
	}
	if s.observe != nil {
		s.observe(o)
	}
	return answer, nil
}

func (s *Server) do(r *http.Request, id string, o *Observed) ([]byte, error) {
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	o.Action = form.Get("Action")
	if o.Region = regionOf(r.Header.Get("Authorization")); o.Region == "" {
		return nil, refuse(o.Action, codeNoCredentials, "Request is missing Authentication Token")
	}
	in, ok := s.regions[o.Region]
	if !ok {
		return nil, refuse(o.Action, "AuthFailure", "there is no region %q here, as a host of that name would not exist at AWS", o.Region)
	}
	if v := form.Get("Version"); v != apiVersion {
		return nil, refuse(o.Action, codeNoVersion, "The requested version (%s) of service AmazonEC2 does not exist", v)
	}
	do, ok := s.actions[o.Action]
	if !ok {
		return nil, refuse(o.Action, codeAction, "The action %s is not valid for this web service, or the simulator does not know it.", o.Action)
	}
	form.Del("Action")
	form.Del("Version")
	answer, err := do(r.Context(), s, in, form)
	if err != nil {
		return nil, err
	}
	return query.Answer(o.Action, id, answer)
}

// formOf reads the parameters, which come in the body or in the query.
func formOf(r *http.Request) (url.Values, error) {
	if r.Method == http.MethodGet {
		return r.URL.Query(), nil
	}
	if r.Body == nil {
		return nil, refuse("", codeBadQuery, "the request has no parameters")
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, fmt.Errorf("reading a request: %w", err)
	}
	if len(b) > maxRequest {
		return nil, refuse("", codeBadQuery, "the request has more than %d bytes", maxRequest)
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return nil, refuse("", codeBadQuery, "The query string is malformed")
	}
	return form, nil
}

// regionOf reads the region from a signature's credential scope: KEY/20260102/us-east-1/ec2/aws4_request.
func regionOf(authorization string) string {
	_, scope, ok := strings.Cut(authorization, "Credential=")
	if !ok {
		return ""
	}
	scope, _, _ = strings.Cut(scope, ",")
	const parts = 5
	if p := strings.Split(scope, "/"); len(p) >= parts {
		return p[len(p)-3]
	}
	return ""
}

func (s *Server) nextRequest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", s.requests>>48, s.requests&(1<<48-1))
}

// handler answers one action.
type handler func(ctx context.Context, s *Server, in *region, form url.Values) (any, error)
