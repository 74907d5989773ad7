package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// ahead is the machine's clock, some time ahead.
type ahead struct {
	seam.System
	by time.Duration
}

func (a *ahead) Now() time.Time { return a.System.Now().Add(a.by) }

// onMiniStack makes MiniStack the AWS of this process's environment.
func onMiniStack(t *testing.T) aws.Config {
	t.Helper()
	endpoint := awstest.Start(t, emulator.MiniStack)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": emulator.AccessKey, "AWS_SECRET_ACCESS_KEY": emulator.SecretKey,
		"AWS_REGION": emulator.Region, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return awstest.Config(t, endpoint)
}

func TestSecretsAreReadWhereTheyAreAndAgainWhenTheyAreReplaced(t *testing.T) {
	cfg, clock := onMiniStack(t), &ahead{}
	parameters, manager := ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
	parameter := func(value string) {
		_, err := parameters.PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: aws.String("/fleet/hook"), Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	parameter("old\n")
	_, err := manager.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("fleet/key"), SecretString: aws.String("a key\nin PEM\n")})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings.Settings{GitHubTokenFile: file, GitHubAppKeyFile: "secretsmanager:fleet/key", WebhookSecretFile: "ssm:/fleet/hook"}
	got, err := openSecrets(t.Context(), s, clock, seam.Crypto{}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, key := got.token.Values(), got.appKey.Values(); token[0] != "from a file" || key[0] != "a key\nin PEM" || got.credential() != key[0] {
		t.Errorf("token %q, key %q", token, key)
	}
	used := got.webhook.Values()
	parameter("new\nold\n")
	clock.by = time.Minute
	if !got.webhook.Refresh(t.Context(), used) || !slices.Equal(got.webhook.Values(), []string{"new", "old"}) {
		t.Errorf("after the replacement the webhook's secrets are %q", got.webhook.Values())
	}
}

func TestASecretThatCannotBeReadIsSaidAtTheStart(t *testing.T) {
	onMiniStack(t)
	for place, want := range map[string][]string{
		"ssm:/none":                {"webhook_secret_file is ssm:/none", "no parameter of that name in us-east-1", "put-parameter"},
		"secretsmanager:none":      {"webhook_secret_file is secretsmanager:none", "no secret of that name in us-east-1"},
		"/nonexistent/secret/file": {"webhook_secret_file is /nonexistent/secret/file", "no such file"},
	} {
		_, err := openSecrets(t.Context(), settings.Settings{WebhookSecretFile: place}, seam.System{}, seam.Crypto{}, slog.New(slog.DiscardHandler), nil)
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: error = %v, want one that says %q", place, err, text)
			}
		}
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	_, err := openSecrets(t.Context(), settings.Settings{WebhookSecretFile: "ssm:/x"}, seam.System{}, seam.Crypto{}, slog.New(slog.DiscardHandler), nil)
	if err == nil || !strings.Contains(err.Error(), "?region=REGION") {
		t.Errorf("without a region: %v", err)
	}
}
