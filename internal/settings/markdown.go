package settings

import (
	"fmt"
	"strings"
)

// Markdown is the page docs/settings.md, made from the table.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`<!-- Generated from internal/settings by "go generate ./...". Do not edit. -->

# Settings of the server

No setting is needed but a repository and a GitHub credential; everything else has a default. Each setting can be given in three
ways, the first one that is given wins:

1. as a flag of ` + "`runs-fleet serve`" + `: ` + "`--max-runners 4`" + `,
2. as an environment variable: ` + "`RUNS_FLEET_MAX_RUNNERS=4`" + ` (an empty variable is one that is not set),
3. as a key of the settings file (YAML) that ` + "`--config FILE`" + ` or ` + "`RUNS_FLEET_CONFIG`" + ` names: ` + "`max_runners: 4`" + `.

A list is a repeated flag, separated by commas in the environment, and a sequence in the file. A duration is a number with a unit: ` +
		"`10s`, `5m`, `24h`" + `. Secrets have no flag, since every process of a machine can read arguments, and no key in the file: each has an
environment variable, and a setting that names a file which holds it. An unknown key, an unknown variable that begins with
` + "`RUNS_FLEET_`" + ` and settings that contradict each other are errors at start.

`)
	b.WriteString(secretsText)
	section := ""
	for _, s := range Table() {
		if s.Hidden {
			continue
		}
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "## %s\n\n", section)
		}
		s.markdown(&b)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

const secretsText = `## Secrets by reference

A setting that names the file of a secret (` + "`github_token_file`, `github_app_key_file`, `webhook_secret_file`" + `) may name a service instead:

- ` + "`ssm:NAME`" + `: a parameter of AWS Systems Manager's Parameter Store, such as ` + "`ssm:/runs-fleet/webhook-secret`" + `. The credentials need
  ` + "`ssm:GetParameter`" + ` on it, and ` + "`kms:Decrypt`" + ` if its key is one of your own.
- ` + "`secretsmanager:NAME`" + `: a secret of AWS Secrets Manager, such as ` + "`secretsmanager:runs-fleet/app-key`" + `, as plain text. The credentials
  need ` + "`secretsmanager:GetSecretValue`" + ` on it, and ` + "`kms:Decrypt`" + ` if its key is one of your own.

` + "`?region=REGION`" + ` may follow; else the region, the credentials and the endpoints are those of AWS's SDK (` + "`AWS_REGION`, `AWS_PROFILE`" + `, the
role of the machine, ` + "`AWS_ENDPOINT_URL`" + ` and so on). The ARN may stand for the name.

A server reads these places, files too, at its start, again every five minutes, and at once (but at most once in 30 seconds) when GitHub
refuses a credential or a signature matches no secret. Of the webhook's secret two are valid while one replaces the other: two lines in
the file or the parameter, or the versions ` + "`AWSCURRENT` and `AWSPREVIOUS`" + ` in Secrets Manager, the latter for 24 hours.
[Run it for good](operations.md#replace-a-secret) says how to replace each. What stands in the environment itself cannot be replaced
without a restart.

`

func (s Setting) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "### `%s`\n\n%s\n\n", s.Key, s.Help)
	if s.Secret {
		fmt.Fprintf(b, "- Environment variable only: `%s`\n", s.Env())
	} else {
		fmt.Fprintf(b, "- Flag: `--%s`\n- Environment variable: `%s`\n", s.Flag(), s.Env())
	}
	switch s.Kind {
	case Choice:
		fmt.Fprintf(b, "- Values: `%s`\n", strings.Join(s.Values, "`, `"))
	case Number, Duration, List, Text:
		fmt.Fprintf(b, "- Kind: %s\n", s.Kind)
	default:
	}
	switch {
	case s.Default != "":
		fmt.Fprintf(b, "- Default: `%s`\n\n", s.Default)
	case s.DefaultText != "":
		fmt.Fprintf(b, "- Default: %s\n\n", s.DefaultText)
	default:
		b.WriteString("- Default: not set\n\n")
	}
}
