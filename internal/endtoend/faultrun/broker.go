package faultrun

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// broker is the line of one registration to the simulated GitHub, as internal/githubsim/runner speaks it.
type broker struct {
	http    *http.Client
	server  string
	id      int64
	secret  string
	session string
}

const (
	messageWait = 50 * time.Second // the official runner's question for a job
	callTimeout = 30 * time.Second // every other call
)

var (
	errGone = errors.New("the registration is unknown, deleted or expired")
	errLost = errors.New("the job is no longer this runner's")
)

// readJIT reads the files of a JIT configuration.
func readJIT(client *http.Client, text string) (*broker, error) {
	files := map[string]string{}
	if err := decode(text, &files); err != nil {
		return nil, err
	}
	var settings struct {
		AgentID   int64  `json:"agentId"`   //nolint:tagliatelle // GitHub's form
		ServerURL string `json:"serverUrl"` //nolint:tagliatelle // GitHub's form
	}
	if err := decode(files[".runner"], &settings); err != nil {
		return nil, err
	}
	var credentials struct {
		Data struct {
			Token string `json:"token"`
		} `json:"data"`
	}
	if err := decode(files[".credentials"], &credentials); err != nil {
		return nil, err
	}
	return &broker{http: client, server: settings.ServerURL, id: settings.AgentID, secret: credentials.Data.Token}, nil
}

func decode(text string, into any) error {
	content, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		return fmt.Errorf("reading the JIT configuration: %w", err)
	}
	return nil
}

func (b *broker) open(ctx context.Context) error {
	var answer struct {
		Session string `json:"session"`
	}
	if err := b.call(ctx, callTimeout, http.MethodPost, "/session", map[string]any{"agentId": b.id}, &answer); err != nil {
		return err
	}
	b.session = answer.Session
	return nil
}

func (b *broker) close(ctx context.Context) error {
	return b.call(ctx, callTimeout, http.MethodDelete, "/session?session="+url.QueryEscape(b.session), nil, nil)
}

// next waits for a job and returns its id, 0 when there was none in time.
func (b *broker) next(ctx context.Context) (int64, error) {
	var answer struct {
		Job int64 `json:"job"`
	}
	path := fmt.Sprintf("/message?session=%s&wait=%d", url.QueryEscape(b.session), int(messageWait/time.Second))
	err := b.call(ctx, messageWait+callTimeout, http.MethodGet, path, nil, &answer)
	return answer.Job, err
}

func (b *broker) acquire(ctx context.Context, job int64) error {
	return b.call(ctx, callTimeout, http.MethodPost, fmt.Sprintf("/jobs/%d/acquire", job), map[string]any{"session": b.session}, nil)
}

func (b *broker) renew(ctx context.Context, job int64) (cancelled bool, err error) {
	var answer struct {
		Cancelled bool `json:"cancelled"`
	}
	err = b.call(ctx, callTimeout, http.MethodPost, fmt.Sprintf("/jobs/%d/renew", job), map[string]any{"session": b.session}, &answer)
	return answer.Cancelled, err
}

func (b *broker) complete(ctx context.Context, job int64, conclusion string) error {
	in := map[string]any{"session": b.session, "conclusion": conclusion, "log": "ran in the fault run\n"}
	return b.call(ctx, callTimeout, http.MethodPost, fmt.Sprintf("/jobs/%d/complete", job), in, nil)
}

func (b *broker) call(ctx context.Context, limit time.Duration, method, path string, in, out any) error {
	ctx, cancel := seam.System{}.WithTimeout(ctx, limit)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding a call: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, b.server+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("preparing a call: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+b.secret)
	response, err := b.http.Do(request)
	if err != nil {
		return fmt.Errorf("reaching GitHub: %w", err)
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("reading GitHub's answer: %w", err)
	}
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return errGone
	case response.StatusCode == http.StatusNotFound:
		return errLost
	case response.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("GitHub answered %s: %s", response.Status, answer) //nolint:err113 // shown
	case out == nil || len(answer) == 0:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("reading GitHub's answer: %w", err)
	}
	return nil
}
