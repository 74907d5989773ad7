package endtoend_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// answers is what SQS, or the way to it, does with a request.
type answers func(*http.Request) (*http.Response, error)

func (a answers) Do(r *http.Request) (*http.Response, error) { return a(r) }

// A webhook is refused, rather than accepted and lost, within a second of whatever SQS does, in the time of the product's own
// deadlines: also when 64 come at once and wait for each other's calls.
func TestWithTheQueueDownAWebhookIsRefusedWithinASecond(t *testing.T) {
	for name, do := range map[string]answers{
		"nothing listens": func(*http.Request) (*http.Response, error) { return nil, errors.New("connect: connection refused") },
		"it is silent": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"it fails": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hook, end := hookOnSQS(t, do)
				defer end()
				var all sync.WaitGroup
				for i := range 64 {
					all.Go(func() {
						began := time.Now()
						code, again := refused(t.Context(), hook, i)
						if took := time.Since(began); code != http.StatusServiceUnavailable || again == "" || took >= time.Second {
							t.Errorf("delivery %d: %d after %s, Retry-After %q", i, code, took, again)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

// hookOnSQS is the endpoint for webhooks with its queue in SQS.
func hookOnSQS(t *testing.T, do answers) (hook http.Handler, end func()) {
	t.Helper()
	q, err := sqs.New(aws.Config{
		Region: "eu-west-1", HTTPClient: do, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}, sqs.Options{Queue: "fleet", Clock: seam.System{}, Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	hook, err = ingress.New(ingress.Options{
		Secrets: []string{webhookSecret}, Owners: []string{"acme"}, Host: "github.com", Queue: q, Clock: seam.System{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return hook, func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

// refused delivers a job's webhook and returns the answer's status and when it may be repeated.
func refused(ctx context.Context, hook http.Handler, n int) (code int, again string) {
	body := fmt.Appendf(nil, `{"action":"queued","workflow_job":{"id":%d,"run_id":1,"status":"queued","labels":["runs-fleet=1"]},
		"repository":{"id":9,"name":"shop","full_name":"acme/shop","owner":{"login":"acme"},"private":true}}`, n+1)
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	_, _ = mac.Write(body)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhook", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "workflow_job")
	r.Header.Set("X-GitHub-Delivery", fmt.Sprintf("11111111-2222-3333-4444-%012d", n))
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	out := httptest.NewRecorder()
	hook.ServeHTTP(out, r)
	return out.Code, out.Header().Get("Retry-After")
}
