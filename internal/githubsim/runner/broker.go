package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	messageWait = 50 * time.Second // how long the server may hold the question for a job; the official runner's figure
	callTimeout = 30 * time.Second // every other call
	maxAnswer   = 32 << 20         // an answer holds at most an event of 25 MB and a workflow file
)

// Answers of the server that end or change what a runner does. Everything else that is not a success is worth a retry.
var (
	errGone       = errors.New("the registration is unknown, deleted or expired")
	errConflict   = errors.New("another session of this runner is open")
	errLost       = errors.New("the job is no longer this runner's")
	errDeprecated = errors.New("this version of the runner is deprecated and cannot receive messages")
)

// broker is the listener's line to the simulated GitHub.
type broker struct {
	http *http.Client
	reg  Registration
	id   string // of the session, once open
}

func (b *broker) open(ctx context.Context) error {
	var answer struct {
		Session string `json:"session"`
	}
	in := map[string]any{"agentId": b.reg.AgentID}
	if _, err := b.call(ctx, callTimeout, http.MethodPost, "/session", in, &answer); err != nil {
		return fmt.Errorf("opening the session: %w", err)
	}
	b.id = answer.Session
	return nil
}

func (b *broker) close(ctx context.Context) error {
	_, err := b.call(ctx, callTimeout, http.MethodDelete, "/session?session="+url.QueryEscape(b.id), nil, nil)
	if err != nil {
		return fmt.Errorf("closing the session: %w", err)
	}
	return nil
}

// next waits for a job and returns its id, or 0 when there was none in time.
func (b *broker) next(ctx context.Context) (int64, error) {
	var answer struct {
		Job int64 `json:"job"`
	}
	query := url.Values{"session": {b.id}, "wait": {strconv.Itoa(int(messageWait / time.Second))}}
	status, err := b.call(ctx, messageWait+callTimeout, http.MethodGet, "/message?"+query.Encode(), nil, &answer)
	if err != nil {
		return 0, fmt.Errorf("asking for a job: %w", err)
	}
	if status == http.StatusNoContent {
		return 0, nil
	}
	return answer.Job, nil
}

func (b *broker) acquire(ctx context.Context, job int64) (Definition, error) {
	var def Definition
	_, err := b.call(ctx, callTimeout, http.MethodPost, jobPath(job, "acquire"), map[string]any{"session": b.id}, &def)
	if err != nil {
		return Definition{}, fmt.Errorf("acquiring job %d: %w", job, err)
	}
	return def, nil
}

// renew keeps the job, delivers a piece of its log and says whether it was cancelled.
func (b *broker) renew(ctx context.Context, job int64, log string) (cancelled bool, err error) {
	var answer struct {
		Cancelled bool `json:"cancelled"`
	}
	in := map[string]any{"session": b.id, "log": log}
	if _, err := b.call(ctx, callTimeout, http.MethodPost, jobPath(job, "renew"), in, &answer); err != nil {
		return false, fmt.Errorf("renewing job %d: %w", job, err)
	}
	return answer.Cancelled, nil
}

func (b *broker) complete(ctx context.Context, job int64, log string, result Result) error {
	in := struct {
		Result

		Session string `json:"session"`
		Log     string `json:"log"`
	}{result, b.id, log}
	if _, err := b.call(ctx, callTimeout, http.MethodPost, jobPath(job, "complete"), in, nil); err != nil {
		return fmt.Errorf("completing job %d: %w", job, err)
	}
	return nil
}

func jobPath(job int64, verb string) string {
	return "/jobs/" + strconv.FormatInt(job, 10) + "/" + verb
}

func (b *broker) call(ctx context.Context, limit time.Duration, method, path string, in, out any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return 0, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, b.reg.ServerURL+path, body)
	if err != nil {
		return 0, fmt.Errorf("preparing the request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+b.reg.token)
	request.Header.Set("User-Agent", "GitHubActionsRunner-linux/"+Version)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := b.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reaching GitHub: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return response.StatusCode, fmt.Errorf("reading the answer: %w", err)
	}
	if err := refusal(response.StatusCode); err != nil {
		return response.StatusCode, err
	}
	if out == nil || len(bytes.TrimSpace(answer)) == 0 {
		return response.StatusCode, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return response.StatusCode, fmt.Errorf("parsing the answer: %w", err)
	}
	return response.StatusCode, nil
}

func refusal(status int) error {
	switch {
	case status < http.StatusMultipleChoices:
		return nil
	case status == http.StatusUnauthorized:
		return errGone
	case status == http.StatusConflict:
		return errConflict
	case status == http.StatusNotFound:
		return errLost
	case status == http.StatusUpgradeRequired:
		return errDeprecated
	default:
		return fmt.Errorf("GitHub answered %d %s", status, http.StatusText(status))
	}
}
