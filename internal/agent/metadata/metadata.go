// Package metadata is what an agent on EC2 learns from its instance's metadata service: who it is, with AWS's signature, and
// that it is to be interrupted. It speaks IMDSv2 only, as machines of a fleet demand (page "configuring-instance-metadata-service"
// of the Amazon EC2 User Guide).
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options of a Service.
type Options struct {
	// Endpoint is the service's address; empty is that of every instance, http://169.254.169.254.
	Endpoint string
	// Transport carries the requests; nil is one that connects within a second and keeps nothing.
	Transport http.RoundTripper
	Clock     seam.Clock
}

// Service is the metadata service of the instance on which this program runs. Its methods may be called concurrently.
type Service struct {
	client *imds.Client
	clock  seam.Clock
}

// Bounds of a question. The service is on the host itself: it answers within milliseconds, or is overloaded by a job that asks
// it in a loop (page "instancedata-data-retrieval", "Query throttling").
const (
	connectWithin = time.Second
	answerWithin  = 4 * time.Second
	maxBytes      = 64 << 10
)

// New makes a Service. It asks nothing yet.
func New(o Options) *Service {
	if o.Transport == nil {
		o.Transport = &http.Transport{ // never by a proxy: what a proxy says of its own instance is not this one's
			DialContext: (&net.Dialer{Timeout: connectWithin}).DialContext, DisableKeepAlives: true,
		}
	}
	return &Service{clock: o.Clock, client: imds.New(imds.Options{
		Endpoint: o.Endpoint, HTTPClient: &http.Client{Transport: o.Transport},
		ClientEnableState: imds.ClientEnabled, // whatever the environment says
		EnableFallback:    aws.FalseTernary,   // to IMDSv1, which needs no token
		Retryer:           retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts, r.MaxBackoff = 2, 100*time.Millisecond }),
	})}
}

// Proof is the instance's identity document and its RSA-2048 signature, as AWS wrote them (page "verify-iid").
func (s *Service) Proof(ctx context.Context) (document, signature string, err error) {
	if document, err = s.dynamic(ctx, "instance-identity/document"); err != nil {
		return "", "", fmt.Errorf("reading the identity document: %w", err)
	}
	if signature, err = s.dynamic(ctx, "instance-identity/rsa2048"); err != nil {
		return "", "", fmt.Errorf("reading the signature of the identity document: %w", err)
	}
	return document, signature, nil
}

// Notice is what AWS is going to do with the instance. The zero value is nothing.
type Notice struct {
	// Interruption is when the instance will be interrupted: two minutes after the notice (page "spot-instance-termination-notices").
	Interruption time.Time
	// Action is what will then be done: terminate, stop or hibernate.
	Action string
	// Rebalance is when AWS found the risk of an interruption to be high (page "rebalance-recommendations").
	Rebalance time.Time
}

// Notice asks what is going to happen.
func (s *Service) Notice(ctx context.Context) (Notice, error) {
	var action struct {
		Action string    `json:"action"`
		Time   time.Time `json:"time"`
	}
	if err := s.look(ctx, "spot/instance-action", &action); err != nil {
		return Notice{}, fmt.Errorf("reading the notice of interruption: %w", err)
	}
	var rebalance struct {
		At time.Time `json:"noticeTime"` //nolint:tagliatelle // AWS's form
	}
	if err := s.look(ctx, "events/recommendations/rebalance", &rebalance); err != nil {
		return Notice{}, fmt.Errorf("reading the recommendation to rebalance: %w", err)
	}
	return Notice{Interruption: action.Time, Action: action.Action, Rebalance: rebalance.At}, nil
}

// look reads an object that exists only while there is something to say.
func (s *Service) look(ctx context.Context, path string, into any) error {
	ctx, cancel := s.clock.WithTimeout(ctx, answerWithin)
	defer cancel()
	out, err := s.client.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	text, err := read(out.Content)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s says %.100q: %w", path, text, err)
	}
	return nil
}

func (s *Service) dynamic(ctx context.Context, path string) (string, error) {
	ctx, cancel := s.clock.WithTimeout(ctx, answerWithin)
	defer cancel()
	out, err := s.client.GetDynamicData(ctx, &imds.GetDynamicDataInput{Path: path})
	if err != nil {
		return "", fmt.Errorf("asking for %s: %w", path, err)
	}
	text, err := read(out.Content)
	return string(text), err
}

var errLong = fmt.Errorf("the metadata service sent more than %d bytes", maxBytes)

func read(from io.ReadCloser) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err = errors.Join(err, from.Close()); err != nil {
		return nil, fmt.Errorf("reading the metadata service's answer: %w", err)
	}
	if len(text) > maxBytes {
		return nil, errLong
	}
	return text, nil
}
