package secret_test

import (
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/secret"
)

func TestReferencesNameTheirPlace(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-AbCdEf"
	for text, want := range map[string]secret.Reference{
		"/etc/runs-fleet/key.pem":               {Kind: secret.File, Name: "/etc/runs-fleet/key.pem"},
		"key.pem":                               {Kind: secret.File, Name: "key.pem"},
		"ssm:/runs-fleet/hook":                  {Kind: secret.SSM, Name: "/runs-fleet/hook"},
		"ssm:hook?region=eu-central-1":          {Kind: secret.SSM, Name: "hook", Region: "eu-central-1"},
		"secretsmanager:runs-fleet/hook":        {Kind: secret.SecretsManager, Name: "runs-fleet/hook"},
		"secretsmanager:" + arn:                 {Kind: secret.SecretsManager, Name: arn, Region: "eu-west-1"},
		"secretsmanager:a?region=us-gov-west-1": {Kind: secret.SecretsManager, Name: "a", Region: "us-gov-west-1"},
	} {
		got, err := secret.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%q became %q", text, got.String())
		}
	}
}

func TestWhatIsNoReferenceIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"ssm:":                 "write the name of a parameter",
		"ssm:a b":              "write the name of a parameter",
		"secretsmanager:":      "write the name of a secret",
		"ssm:/a?version=3":     "version",
		"ssm:/a?region=":       "no region",
		"ssm:/a?region=Europe": "no region",
		"secretsmanager:arn:aws:ssm:eu-west-1:123456789012:parameter/a":       "no ARN of that service",
		"ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/a?region=us-east-1": "two regions",
		"secretsmanager:arn:aws:s3:::bucket":                                  "no ARN of that service",
	} {
		if got, err := secret.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %+v, %v; want an error that says %q", text, got, err, want)
		}
	}
}
