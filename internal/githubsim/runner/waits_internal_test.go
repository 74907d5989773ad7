package runner

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// unhurried returns a listener whose pauses take no time and are noted.
func unhurried(t *testing.T, answer http.HandlerFunc) (*listener, *strings.Builder, *[]time.Duration) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	log, err := openDiag(t.TempDir(), "Runner")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	var out strings.Builder
	var pauses []time.Duration
	l := newListener(t.TempDir(), Registration{ServerURL: server.URL, token: "x", Ephemeral: true}, variables{}, &out, log)
	l.broker.http = server.Client()
	l.pause = func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}
	return l, &out, &pauses
}

func TestTenNetworkErrorsInARow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		code   int
		pauses int
	}{
		"while opening the session": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, 2, 9},
		"while listening": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/session" {
				_, _ = w.Write([]byte(`{"session":"s"}`))
				return
			}
			panic(http.ErrAbortHandler)
		}, 2, 9},
		"session conflict for 4 minutes": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) }, 5, 8},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, out, pauses := unhurried(t, test.answer)
			if code := l.run(t.Context(), nil); code != test.code {
				t.Errorf("exited with %d, want %d:\n%s", code, test.code, out)
			}
			if len(*pauses) != test.pauses {
				t.Fatalf("paused %d times, want %d", len(*pauses), test.pauses)
			}
			for i, d := range *pauses {
				low, high := 15*time.Second, 30*time.Second
				if i >= 5 {
					low, high = 30*time.Second, 60*time.Second
				}
				if test.code == exitConflict {
					low, high = 30*time.Second, 30*time.Second
				}
				if d < low || d > high {
					t.Errorf("pause %d took %s, want %s to %s", i, d, low, high)
				}
			}
		})
	}
}

// A single success ends the row.
func TestNetworkErrorsApartDoNotEndTheListener(t *testing.T) {
	t.Parallel()
	asked := 0
	l, out, _ := unhurried(t, func(w http.ResponseWriter, r *http.Request) {
		switch asked++; {
		case r.URL.Path == "/session":
			_, _ = w.Write([]byte(`{"session":"s"}`))
		case asked > 40:
			w.WriteHeader(http.StatusUnauthorized)
		case asked%9 == 0:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	if code := l.run(t.Context(), nil); code != exitDone {
		t.Errorf("exited with %d:\n%s", code, out)
	}
}

func TestAssignmentLostBeforeItWasAcquired(t *testing.T) {
	t.Parallel()
	acquired := 0
	l, out, _ := unhurried(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/session":
			_, _ = w.Write([]byte(`{"session":"s"}`))
		case r.URL.Path == "/jobs/5/acquire":
			acquired++
			w.WriteHeader(http.StatusNotFound)
		case acquired > 0:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write([]byte(`{"job":5}`))
		}
	})
	if code := l.run(t.Context(), nil); code != exitDone || acquired != 1 || strings.Contains(out.String(), "Running job") {
		t.Errorf("exited with %d after %d tries to acquire:\n%s", code, acquired, out)
	}
}

func TestFinishingUnderNetworkErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failures int // before the server answers
		status   int // with which it then answers
		want     string
		pauses   int
	}{
		"at once":        {0, http.StatusNoContent, Success, 0},
		"in the end":     {8, http.StatusNoContent, Success, 8},
		"never":          {100, http.StatusNoContent, abandoned, 8},
		"no longer ours": {1, http.StatusNotFound, abandoned, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			l, out, pauses := unhurried(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked++; asked <= test.failures {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.WriteHeader(test.status)
			})
			got := l.finish(t.Context(), Definition{ID: 1}, &pending{text: "end"}, Result{Conclusion: Success})
			if got != test.want || len(*pauses) != test.pauses {
				t.Errorf("%s after %d pauses, want %s after %d\n%s", got, len(*pauses), test.want, test.pauses, out)
			}
		})
	}
}

func TestPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	if err := pause(ctx, time.Hour); !errors.Is(err, errInterrupted) {
		t.Errorf("ended with %v", err)
	}
	if err := pause(t.Context(), 0); err != nil {
		t.Errorf("ended with %v", err)
	}
}
