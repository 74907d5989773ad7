package github

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v93/github"
)

// StatusError is an answer of GitHub that is none of the controller's own errors. The call may have had its effect when
// Status is 500 or above.
type StatusError struct {
	Doing   string // what was being done, as a gerund phrase
	Status  int
	Message string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: GitHub answered %d: %s", e.Doing, e.Status, e.Message)
}

// answer is what matters of a response.
type answer struct {
	status   int
	header   http.Header
	message  string
	docs     string
	location *url.URL // of a redirect that was not followed
	broken   error    // the answer came, and could not be read or understood
}

// answerOf sorts what the library returns: an answer, or no answer and the transport's error.
func answerOf(resp *gh.Response, err error) (answer, error) {
	if resp == nil || resp.Response == nil {
		return answer{}, withoutAddress(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header}
	var (
		failed   *gh.ErrorResponse
		primary  *gh.RateLimitError
		abuse    *gh.AbuseRateLimitError
		accepted *gh.AcceptedError
		redirect *gh.RedirectionError
		twoStep  *gh.TwoFactorAuthError
	)
	switch {
	case err == nil, errors.As(err, &accepted):
	case errors.As(err, &failed):
		a.message, a.docs = messageOf(failed), failed.DocumentationURL
	case errors.As(err, &primary):
		a.message = primary.Message
	case errors.As(err, &abuse):
		a.message, a.docs = abuse.Message, "rate-limit"
	case errors.As(err, &twoStep):
		a.message = twoStep.Message
	case errors.As(err, &redirect):
		a.location = redirect.Location
	default:
		a.broken = withoutAddress(err)
	}
	if a.message == "" {
		a.message = http.StatusText(a.status)
	}
	return a, nil
}

// messageOf joins GitHub's message with its details, which alone say what is wrong with a field.
func messageOf(e *gh.ErrorResponse) string {
	message := e.Message
	for _, detail := range e.Errors {
		text := detail.Message
		if text == "" {
			text = strings.TrimSpace(detail.Resource + " " + detail.Field + " " + detail.Code)
		}
		if text != "" && !strings.Contains(message, text) {
			message += "; " + text
		}
	}
	const longest = 500 // a proxy's HTML page helps nobody
	return truncate(message, longest)
}

// speaksOfLimit tells a refusal by a secondary limit from one for lack of permission when no header does.
func (a answer) speaksOfLimit() bool {
	text := strings.ToLower(a.message)
	return strings.Contains(text, "rate limit") || strings.Contains(text, "abuse") || strings.Contains(a.docs, "rate-limit")
}

// withoutAddress strips the address from a transport's error: a signed one is a secret.
func withoutAddress(err error) error {
	if at, ok := errors.AsType[*url.Error](err); ok {
		return at.Err
	}
	return err
}

// neverSent reports whether a transport's error proves that the request did not leave this machine.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") && !errors.Is(err, context.Canceled)
}

// truncate cuts a text to at most n characters.
func truncate(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
