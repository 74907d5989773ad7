package githubsim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

const maxPoll = 50 * time.Second // of a real runner's long poll

// jitConfig encodes what generate-jitconfig hands out: the files of the runner's folder.
func (s *Simulator) jitConfig(c *call, r *world.Runner, secret, workFolder string) string {
	url := c.render.base + "/" + r.Scope.Owner
	if r.Scope.Repository != "" {
		url += "/" + r.Scope.Repository
	}
	files := map[string]any{
		".runner": object{
			"agentId": r.ID, "agentName": r.Name, "serverUrl": c.render.base + "/_runner", "gitHubUrl": url, "workFolder": workFolder, "ephemeral": true,
		},
		".credentials":           object{"scheme": "OAuth", "data": object{"clientId": s.world.GUID(), "token": secret}},
		".credentials_rsaparams": object{},
	}
	encoded := map[string]string{}
	for name, content := range files {
		encoded[name] = base64.StdEncoding.EncodeToString(encode(content))
	}
	return base64.StdEncoding.EncodeToString(encode(encoded))
}

// brokerCall is one call of a runner's listener or worker.
type brokerCall struct {
	w      http.ResponseWriter
	r      *http.Request
	body   []byte
	secret string
}

func (s *Simulator) broker(serve func(brokerCall)) http.HandlerFunc {
	const maxBody = 16 << 20 // a log
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "reading the body: "+err.Error(), http.StatusBadRequest)
			return
		}
		secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		serve(brokerCall{w: w, r: r, body: body, secret: secret})
	}
}

// brokerStatus is the status of a refusal.
func brokerStatus(err error) int {
	switch {
	case errors.Is(err, world.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, world.ErrNotYours):
		return http.StatusNotFound
	case errors.Is(err, world.ErrDeprecated):
		return http.StatusUpgradeRequired
	case errors.Is(err, world.ErrUnregistered):
		return http.StatusUnauthorized
	default:
		return http.StatusBadRequest
	}
}

func (s *Simulator) reply(w http.ResponseWriter, status int, body any, err error) {
	if err != nil {
		s.write(w, answer{status: brokerStatus(err), body: object{"message": err.Error()}})
		return
	}
	s.write(w, answer{status: status, body: body})
}

// as runs f on behalf of the secret's runner.
func (s *Simulator) as(secret string, f func(r *world.Runner, now time.Time) error) error {
	var err error
	s.locked(func(now time.Time) {
		var runner *world.Runner
		if runner, err = s.world.Authenticate(secret); err == nil {
			err = f(runner, now)
		}
	})
	return err
}

func (s *Simulator) openSession(c brokerCall) {
	var request struct {
		AgentID int64 `json:"agentId"`
	}
	if err := json.Unmarshal(c.body, &request); err != nil {
		s.reply(c.w, 0, nil, fmt.Errorf("reading the session request: %w", err))
		return
	}
	var session string
	err := s.as(c.secret, func(r *world.Runner, now time.Time) error {
		if r.ID != request.AgentID {
			return world.ErrUnregistered
		}
		var err error
		session, err = s.world.OpenSession(r, now)
		return err
	})
	s.reply(c.w, http.StatusOK, object{"session": session}, err)
}

func (s *Simulator) closeSession(c brokerCall) {
	err := s.as(c.secret, func(r *world.Runner, now time.Time) error {
		s.world.CloseSession(r, c.r.URL.Query().Get("session"), now)
		return nil
	})
	s.reply(c.w, http.StatusNoContent, nil, err)
}

// message is the long poll: it answers when the runner is sent a job, when its registration ends, or after the wait.
func (s *Simulator) message(c brokerCall) {
	session := c.r.URL.Query().Get("session")
	seconds, err := strconv.ParseFloat(c.r.URL.Query().Get("wait"), 64)
	if err != nil || seconds < 0 {
		seconds = 0
	}
	wait := min(time.Duration(seconds*float64(time.Second)), maxPoll)
	ctx, cancel := s.clock.WithTimeout(c.r.Context(), wait)
	defer cancel()
	s.poll(c.secret, session, +1)
	defer s.poll(c.secret, session, -1)
	for {
		var job int64
		var changed chan struct{}
		err := s.as(c.secret, func(r *world.Runner, now time.Time) error {
			var err error
			job, err = s.world.Message(r, session, now)
			return err
		})
		if err != nil || job != 0 {
			s.reply(c.w, http.StatusOK, object{"job": job}, err)
			return
		}
		s.mu.Lock()
		changed = s.changed
		missed := s.pollMissed(c.secret, session)
		s.mu.Unlock()
		if missed {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.reply(c.w, http.StatusNoContent, nil, nil)
			return
		case <-s.ctx.Done():
			s.reply(c.w, http.StatusNoContent, nil, nil)
			return
		}
	}
}

// pollMissed says whether something for the session happened between its last look and taking the channel.
func (s *Simulator) pollMissed(secret, session string) bool {
	r, err := s.world.Authenticate(secret)
	if err != nil {
		return true
	}
	job, err := s.world.Message(r, session, s.clock.Now())
	return err != nil || job != 0
}

func (s *Simulator) poll(secret, session string, delta int) {
	_ = s.as(secret, func(r *world.Runner, now time.Time) error { // an unknown secret is answered by the poll itself
		s.world.Poll(r, session, delta, now)
		return nil
	})
}

func (s *Simulator) acquire(c brokerCall) {
	var request struct {
		Session string `json:"session"`
	}
	id, err := brokerJob(c, &request)
	if err != nil {
		s.reply(c.w, 0, nil, err)
		return
	}
	var definition world.Definition
	err = s.as(c.secret, func(r *world.Runner, now time.Time) error {
		job, err := s.world.Acquire(r, request.Session, id, now)
		if err != nil {
			return err
		}
		definition = s.world.Define(job, s.renderFor(c.r).base)
		definition.Secrets["GITHUB_TOKEN"] = s.jobToken(job, now)
		return nil
	})
	s.reply(c.w, http.StatusOK, definition, err)
}

// jobToken is the GITHUB_TOKEN of a job: the repository only, and no power over runners.
func (s *Simulator) jobToken(job *world.Job, now time.Time) string {
	repository := s.world.Run(job.RunID).Repository
	token := "ghs_" + s.random.Token(18)
	s.tokens[token] = &principal{
		kind: asInstallation, key: "GITHUB_TOKEN of " + repository.FullName(), login: "github-actions[bot]",
		installation: &Installation{ID: 1, Account: repository.Owner.Login}, repositories: []string{repository.FullName()},
		permissions: map[string]string{"contents": "read", "metadata": "read", "packages": "read"}, expires: now.Add(installationTokenLifetime),
	}
	return token
}

func (s *Simulator) renew(c brokerCall) {
	var request struct {
		Log string `json:"log"`
	}
	id, err := brokerJob(c, &request)
	cancelled := false
	if err == nil {
		err = s.as(c.secret, func(r *world.Runner, now time.Time) error {
			var err error
			cancelled, err = s.world.Renew(r, id, request.Log, now)
			return err
		})
	}
	s.reply(c.w, http.StatusOK, object{"cancelled": cancelled}, err)
}

func (s *Simulator) complete(c brokerCall) {
	var request struct {
		Conclusion world.Conclusion  `json:"conclusion"`
		Outputs    map[string]string `json:"outputs"`
		Log        string            `json:"log"`
		Steps      []world.Step      `json:"steps"`
	}
	id, err := brokerJob(c, &request)
	if err == nil {
		switch request.Conclusion {
		case world.Success, world.Failure, world.Cancelled:
		default:
			err = fmt.Errorf("unknown conclusion %q: success, failure or cancelled", request.Conclusion)
		}
	}
	if err == nil {
		err = s.as(c.secret, func(r *world.Runner, now time.Time) error {
			return s.world.Complete(r, id, world.Result{
				Conclusion: request.Conclusion, Outputs: request.Outputs, Log: request.Log, Steps: request.Steps,
			}, now)
		})
	}
	s.reply(c.w, http.StatusNoContent, nil, err)
}

func brokerJob(c brokerCall, request any) (int64, error) {
	id, err := strconv.ParseInt(c.r.PathValue("job"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the job's id: %w", err)
	}
	if err := json.Unmarshal(c.body, request); err != nil {
		return 0, fmt.Errorf("reading the request: %w", err)
	}
	return id, nil
}
