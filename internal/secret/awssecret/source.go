// Package awssecret reads secrets in AWS: in Systems Manager's Parameter Store and in Secrets Manager.
package awssecret

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/secret"
)

// The stages of a secret's versions (AWS Secrets Manager User Guide, "Secret versions").
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// formerLife is how long the version before the present one is valid after it was replaced. Secrets Manager keeps it for
// ever, and a secret that was replaced because it had become known must end.
const formerLife = 24 * time.Hour

// Options of a source. Clock and Random are required.
type Options struct {
	Clock  seam.Clock
	Random seam.Random
	// Former asks for the version before the present one too, where the service names it.
	Former bool
}

// New returns the source that a reference names. It makes no call. The region of the configuration is that of the
// reference, if it names one.
func New(cfg aws.Config, ref secret.Reference, o Options) (secret.Source, error) {
	if o.Clock == nil || o.Random == nil {
		return nil, errors.New("a secret in AWS needs a clock and a source of randomness")
	}
	if ref.Region != "" {
		cfg.Region = ref.Region
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region is configured for " + ref.String() + ": add ?region=REGION to it, or set AWS_REGION")
	}
	b := base{region: cfg.Region, name: ref.Name, clock: o.Clock, random: o.Random}
	switch ref.Kind {
	case secret.SSM:
		return &parameter{base: b, client: ssm.NewFromConfig(cfg, func(to *ssm.Options) { to.Retryer = aws.NopRetryer{} })}, nil
	case secret.SecretsManager:
		client := secretsmanager.NewFromConfig(cfg, func(to *secretsmanager.Options) { to.Retryer = aws.NopRetryer{} })
		return &managed{base: b, client: client, former: o.Former}, nil
	default:
		return nil, errors.New(ref.String() + " is a file and not in AWS")
	}
}

// parameter is a secret in Parameter Store.
type parameter struct {
	base
	client *ssm.Client
}

// Read implements secret.Source. A parameter has no former value that it counts as valid: a rotation writes both into it.
func (p *parameter) Read(ctx context.Context) ([]string, error) {
	var out *ssm.GetParameterOutput
	err := p.call(ctx, func(ctx context.Context) (err error) {
		out, err = p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &p.name, WithDecryption: aws.Bool(true)})
		return err //nolint:wrapcheck // explained below
	})
	if err != nil {
		return nil, p.explain(err, "ssm:GetParameter", "parameter", "aws ssm put-parameter --type SecureString --name "+p.name+" --value file://FILE")
	}
	return []string{aws.ToString(out.Parameter.Value)}, nil
}

// managed is a secret in Secrets Manager.
type managed struct {
	base
	client *secretsmanager.Client
	former bool
}

// Read implements secret.Source.
func (m *managed) Read(ctx context.Context) ([]string, error) {
	current, err := m.version(ctx, stageCurrent)
	if err != nil {
		return nil, m.explain(err, "secretsmanager:GetSecretValue", "secret", "aws secretsmanager create-secret --name "+m.name+" --secret-string file://FILE")
	}
	values := []string{valueOf(current)}
	if !m.former || current.CreatedDate != nil && m.clock.Now().Sub(*current.CreatedDate) >= formerLife {
		return values, nil
	}
	previous, err := m.version(ctx, stagePrevious)
	var absent smithy.APIError
	switch {
	case err == nil:
		return append(values, valueOf(previous)), nil
	case errors.As(err, &absent) && absent.ErrorCode() == codeResourceNotFound: // it was never replaced, or its end has been declared
		return values, nil
	default:
		return nil, m.explain(err, "secretsmanager:GetSecretValue", "secret", "")
	}
}

func (m *managed) version(ctx context.Context, stage string) (out *secretsmanager.GetSecretValueOutput, err error) {
	err = m.call(ctx, func(ctx context.Context) (err error) {
		out, err = m.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &m.name, VersionStage: aws.String(stage)})
		return err //nolint:wrapcheck // explained by the caller
	})
	return out, err
}

func valueOf(out *secretsmanager.GetSecretValueOutput) string {
	if out.SecretString != nil {
		return *out.SecretString
	}
	return string(out.SecretBinary)
}
