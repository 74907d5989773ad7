package awssecret_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/secret"
	"github.com/runs-fleet/runs-fleet/internal/secret/awssecret"
)

var emulators awstest.Set

func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }

// later is the machine's clock, some time ahead.
type later struct {
	seam.System
	by time.Duration
}

func (l later) Now() time.Time { return l.System.Now().Add(l.by) }

func open(t *testing.T, cfg aws.Config, reference string, o awssecret.Options) secret.Source {
	t.Helper()
	ref, err := secret.Parse(reference)
	if err != nil {
		t.Fatal(err)
	}
	if o.Clock == nil {
		o.Clock = seam.System{}
	}
	o.Random = seam.Crypto{}
	source, err := awssecret.New(cfg, ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func wantRead(t *testing.T, s secret.Source, want ...string) {
	t.Helper()
	if got, err := s.Read(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("Read = %q, %v; want %q", got, err, want)
	}
}

func TestParameterStore(t *testing.T) {
	cfg := awstest.Config(t, emulators.MiniStack(t))
	client, name := ssm.NewFromConfig(cfg), "/runs-fleet/"+awstest.Name(t)
	source := open(t, cfg, "ssm:"+name, awssecret.Options{Former: true})
	if _, err := source.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "no parameter of that name in us-east-1") ||
		!strings.Contains(err.Error(), "put-parameter") {
		t.Errorf("Read of what is absent: %v", err)
	}
	for _, value := range []string{"one", "two\none", "two"} {
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
		})
		if err != nil {
			t.Fatal(err)
		}
		wantRead(t, source, value)
	}
}

func TestSecretsManager(t *testing.T) {
	cfg := awstest.Config(t, emulators.MiniStack(t))
	client, name := secretsmanager.NewFromConfig(cfg), "runs-fleet/"+awstest.Name(t)
	both := open(t, cfg, "secretsmanager:"+name, awssecret.Options{Former: true})
	present := open(t, cfg, "secretsmanager:"+name, awssecret.Options{})
	if _, err := both.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "no secret of that name in us-east-1") {
		t.Errorf("Read of what is absent: %v", err)
	}
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	wantRead(t, both, "one")
	for _, change := range []*secretsmanager.PutSecretValueInput{
		{SecretId: &name, SecretString: aws.String("two")}, {SecretId: &name, SecretBinary: []byte("three")},
	} {
		if _, err := client.PutSecretValue(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	wantRead(t, both, "three", "two")
	wantRead(t, present, "three")
	wantRead(t, open(t, cfg, "secretsmanager:"+aws.ToString(made.ARN), awssecret.Options{Former: true}), "three", "two")
	// A secret that became known must end: the former one is valid for a day.
	for after, want := range map[time.Duration][]string{23 * time.Hour: {"three", "two"}, 25 * time.Hour: {"three"}} {
		wantRead(t, open(t, cfg, "secretsmanager:"+name, awssecret.Options{Former: true, Clock: later{by: after}}), want...)
	}
}

// answers refuses requests of an operation so many times.
type answers struct {
	next   http.RoundTripper
	status int
	code   string
	times  int
	lost   bool
	seen   int
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.seen++
	if a.seen > a.times {
		return a.next.RoundTrip(r)
	}
	if a.lost {
		return nil, errors.New("connection reset")
	}
	body := fmt.Sprintf(`{"__type":%q,"message":"injected"}`, a.code)
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amzn-Errortype": {a.code}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for code, want := range map[string]string{
		"AccessDeniedException": "allow them ssm:GetParameter on it in us-east-1", "InvalidKeyId": "kms:Decrypt",
		"UnrecognizedClientException": "correct or renew", "ValidationException": "in us-east-1",
	} {
		cfg := awstest.Config(t, "http://127.0.0.1:1")
		refusing := &answers{status: 400, code: code, times: 100}
		cfg.HTTPClient = &http.Client{Transport: refusing}
		_, err := open(t, cfg, "ssm:/a", awssecret.Options{}).Read(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || refusing.seen != 1 {
			t.Errorf("%s: %v after %d requests; want an error at once that says %q", code, err, refusing.seen, want)
		}
	}
	cfg := awstest.Config(t, "http://127.0.0.1:1")
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") })
	if _, err := open(t, cfg, "ssm:/a", awssecret.Options{}).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "no AWS credentials") {
		t.Errorf("without credentials: %v", err)
	}
	cfg = aws.Config{}
	ref := secret.Reference{Kind: secret.SSM, Name: "/a"}
	if _, err := awssecret.New(cfg, ref, awssecret.Options{Clock: seam.System{}, Random: seam.Crypto{}}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
	ref.Kind = secret.File
	if _, err := awssecret.New(aws.Config{Region: "r"}, ref, awssecret.Options{Clock: seam.System{}, Random: seam.Crypto{}}); err == nil {
		t.Error("a file was taken for a secret in AWS")
	}
}

func TestPassingFailuresAreRepeated(t *testing.T) {
	cfg := awstest.Config(t, emulators.MiniStack(t))
	name := "/runs-fleet/" + awstest.Name(t)
	_, err := ssm.NewFromConfig(cfg).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: &name, Value: aws.String("one"), Type: types.ParameterTypeSecureString,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, ok := cfg.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("the configuration's client is a %T", cfg.HTTPClient)
	}
	for what, a := range map[string]*answers{
		"throttled": {status: 400, code: "ThrottlingException", times: 2}, "500": {status: 500, code: "InternalServerError", times: 2},
		"lost": {lost: true, times: 2},
	} {
		a.next = client.Transport
		cfg.HTTPClient = &http.Client{Transport: a}
		t.Run(what, func(t *testing.T) { wantRead(t, open(t, cfg, "ssm:"+name, awssecret.Options{}), "one") })
	}
	lost := &answers{lost: true, times: 100}
	cfg.HTTPClient = &http.Client{Transport: lost}
	if _, err := open(t, cfg, "ssm:"+name, awssecret.Options{}).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "does not answer in us-east-1") || lost.seen != 3 {
		t.Errorf("when nothing answers: %v after %d requests, want an error after 3", err, lost.seen)
	}
}
