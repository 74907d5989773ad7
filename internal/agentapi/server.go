package agentapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// NewHandler serves the two calls of the protocol over s. Refusals are answered 403 and invalid messages 400; every other
// error is answered 503 without its text, which may name what an agent has no business to know, and is logged.
func NewHandler(s Service, logger *slog.Logger) http.Handler {
	h := &handler{service: s, logger: logger}
	mux := http.NewServeMux()
	mux.HandleFunc(HelloPath, h.hello)
	mux.HandleFunc(PollPath, h.poll)
	return mux
}

type handler struct {
	service Service
	logger  *slog.Logger
}

func (h *handler) hello(w http.ResponseWriter, r *http.Request) {
	var hello Hello
	if err := readMessage(w, r, &hello); err != nil {
		h.refuse(w, r, err)
		return
	}
	if err := hello.check(); err != nil {
		h.refuse(w, r, err)
		return
	}
	welcome, err := h.service.Hello(r.Context(), hello)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.answer(r.Context(), w, welcome)
}

func (h *handler) poll(w http.ResponseWriter, r *http.Request) {
	key, err := bearer(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	var report Report
	if err := readMessage(w, r, &report); err != nil {
		h.refuse(w, r, err)
		return
	}
	if err := report.check(); err != nil {
		h.refuse(w, r, err)
		return
	}
	orders, err := h.service.Poll(r.Context(), key, report)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.answer(r.Context(), w, orders)
}

func (h *handler) answer(ctx context.Context, w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.logger.WarnContext(ctx, "writing the answer to an agent", "error", err)
	}
}

// statusError is an error whose status the transport itself gives: it is nothing of the Service's.
type statusError struct {
	status int
	detail string
}

func (e *statusError) Error() string { return e.detail }

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := Problem{Title: "try again later", Status: http.StatusServiceUnavailable}
	var transport *statusError
	switch {
	case errors.As(err, &transport):
		problem = Problem{Title: http.StatusText(transport.status), Status: transport.status, Detail: transport.detail}
	case errors.Is(err, ErrRefused):
		problem = Problem{Title: "refused", Status: http.StatusForbidden, Detail: err.Error()}
	case errors.Is(err, ErrInvalid):
		problem = Problem{Title: "invalid message", Status: http.StatusBadRequest, Detail: err.Error()}
	case r.Context().Err() != nil:
		h.logger.DebugContext(r.Context(), "an agent gave its call up", "path", r.URL.Path)
	default:
		h.logger.ErrorContext(r.Context(), "answering an agent", "path", r.URL.Path, "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(problem.Status)
	if err := json.NewEncoder(w).Encode(problem); err != nil {
		h.logger.DebugContext(r.Context(), "writing a refusal to an agent", "error", err)
	}
}

// readMessage reads one JSON object of at most MaxBodyBytes. Unknown fields are accepted: an agent may be newer than
// its control plane during an upgrade.
func readMessage(w http.ResponseWriter, r *http.Request, into any) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return &statusError{http.StatusMethodNotAllowed, "the agent's protocol knows POST only"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBodyBytes))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return &statusError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is over %d bytes", MaxBodyBytes)}
		}
		return &statusError{http.StatusBadRequest, "the body ended early"}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: reading the body as JSON: %s", ErrInvalid, jsonReason(err))
	}
	return nil
}

// jsonReason describes a JSON error without repeating the body, which may hold a secret.
func jsonReason(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("syntax error at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("field %q cannot hold a %s", kind.Field, kind.Value)
	default:
		return "a value has the wrong form"
	}
}

// bearer returns the key of a poll. Its form is checked here, so that the Service hashes nothing of arbitrary length.
func bearer(r *http.Request) (string, error) {
	scheme, key, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || key == "" || len(key) > maxKeyLength {
		return "", fmt.Errorf("%w: the poll carries no key", ErrRefused)
	}
	return key, nil
}
