package awsclient_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

type do func(*http.Request) (*http.Response, error)

func (d do) Do(r *http.Request) (*http.Response, error) { return d(r) }

type once struct {
	io.Reader
	err    error
	closed int
}

func (o *once) Close() error {
	o.closed++
	return o.err
}

func TestBodiesAreSentWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		length int64
		whole  bool
	}{
		"a small one": {3, true}, "none": {0, false}, "one of unknown length": {-1, false}, "a large one": {1 << 30, false},
	} {
		t.Run(name, func(t *testing.T) {
			body := &once{Reader: strings.NewReader("abc")}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", body)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = tt.length
			client := awsclient.WholeBodies(do(func(r *http.Request) (*http.Response, error) {
				if (r.Body != io.ReadCloser(body)) != tt.whole || (body.closed == 1) != tt.whole || r.ContentLength != tt.length {
					t.Errorf("a body of %d bytes, of another kind: %t, the former one closed %d times", r.ContentLength, r.Body != io.ReadCloser(body), body.closed)
				}
				got, err := io.ReadAll(r.Body)
				if err != nil || string(got) != "abc" {
					t.Errorf("it is %q, %v", got, err)
				}
				return &http.Response{StatusCode: http.StatusTeapot, Body: http.NoBody}, nil
			}))
			answer, err := client.Do(r)
			if err != nil || answer.StatusCode != http.StatusTeapot {
				t.Fatalf("Do: %v", err)
			}
			if err := answer.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABodyThatCannotBeReadIsAnError(t *testing.T) {
	broken := errors.New("broken")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", &once{Reader: strings.NewReader("abc"), err: broken})
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 3
	answer, err := awsclient.WholeBodies(nil).Do(r)
	if !errors.Is(err, broken) {
		t.Errorf("Do = %v, want the body's error", err)
	}
	if answer != nil {
		_ = answer.Body.Close()
	}
}
