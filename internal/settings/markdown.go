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
