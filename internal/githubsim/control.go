package githubsim

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

// controlRoutes adds the endpoints with which the demo and the end-to-end tests act as a person at github.com. They need
// the control token, and do not exist without one.
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"POST /_sim/repositories": accept(func(spec RepositorySpec) (any, error) { return object{}, s.AddRepository(spec) }),
		"PUT /_sim/files": accept(func(f simclient.File) (any, error) {
			sha, err := s.Commit(f)
			return object{"sha": sha}, err
		}),
		"POST /_sim/dispatch":     accept(func(d simclient.Dispatch) (any, error) { return s.Dispatch(d) }),
		"GET /_sim/runs":          func(*http.Request) (any, error) { return s.Runs(), nil },
		"GET /_sim/jobs":          s.controlJobs,
		"GET /_sim/registrations": func(*http.Request) (any, error) { return s.Registrations(), nil },
		"POST /_sim/runners":      accept(func(f simclient.Foreign) (any, error) { return object{}, s.AddForeign(f) }),
		"POST /_sim/steal":        accept(func(r simclient.Steal) (any, error) { return object{}, s.Steal(r) }),
		"POST /_sim/review":       accept(func(r simclient.Review) (any, error) { return object{}, s.Review(r) }),
		"POST /_sim/runs/{run}/cancel": func(r *http.Request) (any, error) {
			run, err := controlID(r.PathValue("run"))
			if err != nil {
				return nil, err
			}
			return object{}, s.Cancel(run)
		},
		"POST /_sim/runs/{run}/rerun": func(r *http.Request) (any, error) {
			run, err := controlID(r.PathValue("run"))
			if err != nil {
				return nil, err
			}
			return object{}, s.Rerun(run, r.URL.Query().Get("failed") == "true")
		},
		"GET /_sim/faults": func(*http.Request) (any, error) { return s.Faults(), nil },
		"PUT /_sim/faults": accept(func(f Faults) (any, error) {
			s.SetFaults(f)
			return f, nil
		}),
		"POST /_sim/ping": func(*http.Request) (any, error) {
			s.Ping()
			return object{}, nil
		},
		"GET /_sim/deliveries": func(*http.Request) (any, error) { return s.Deliveries(), nil },
		"GET /_sim/reports":    func(*http.Request) (any, error) { return s.Reports(), nil },
	} {
		mux.HandleFunc(pattern, s.control(serve))
	}
	mux.HandleFunc("GET /_sim/jobs/{job}/log", s.controlLog)
}

func (s *Simulator) controlled(r *http.Request) bool {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return s.controlToken != "" && subtle.ConstantTimeCompare([]byte(given), []byte(s.controlToken)) == 1
}

func (s *Simulator) control(serve func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.controlled(r) {
			s.write(w, notFound().answer())
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
		body, err := serve(r)
		switch {
		case err == nil:
			s.write(w, answer{status: http.StatusOK, body: body})
		case isNotFound(err):
			s.write(w, answer{status: http.StatusNotFound, body: object{"message": err.Error()}})
		default:
			s.write(w, answer{status: http.StatusUnprocessableEntity, body: object{"message": err.Error()}})
		}
	}
}

// accept decodes a request strictly: a misspelt fault must not pass for none.
func accept[T any](serve func(T) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var request T
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&request); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		if _, err := decoder.Token(); err != io.EOF {
			return nil, fmt.Errorf("reading the request: more than one value")
		}
		return serve(request)
	}
}

func controlID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading an id: %w", err)
	}
	return id, nil
}

func (s *Simulator) controlJobs(r *http.Request) (any, error) {
	text := r.URL.Query().Get("run")
	if text == "" {
		return s.Jobs(0), nil
	}
	run, err := controlID(text)
	if err != nil {
		return nil, err
	}
	return s.Jobs(run), nil
}

func (s *Simulator) controlLog(w http.ResponseWriter, r *http.Request) {
	if !s.controlled(r) {
		s.write(w, notFound().answer())
		return
	}
	id, err := controlID(r.PathValue("job"))
	log := ""
	if err == nil {
		log, err = s.Log(id)
	}
	if err != nil {
		s.write(w, answer{status: http.StatusNotFound, body: object{"message": err.Error()}})
		return
	}
	s.write(w, answer{status: http.StatusOK, raw: []byte(log), header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}})
}
