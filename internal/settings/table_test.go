package settings_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func TestEverySettingIsDocumentedAndHasOneNameInThreeForms(t *testing.T) { // failure mode K7
	keys := map[string]bool{}
	key := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for _, s := range settings.Table() {
		if keys[s.Key] || !key.MatchString(s.Key) {
			t.Errorf("key %q is used twice or is not in snake case", s.Key)
		}
		keys[s.Key] = true
		if s.Env() != "RUNS_FLEET_"+strings.ToUpper(s.Key) {
			t.Errorf("%s has the variable %s", s.Key, s.Env())
		}
		if s.Secret != (s.Flag() == "") {
			t.Errorf("%s: exactly the secrets have no flag", s.Key)
		}
		if s.Section == "" || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%s: needs a section and a help text of whole sentences", s.Key)
		}
		if s.Default != "" && s.DefaultText != "" {
			t.Errorf("%s has two defaults", s.Key)
		}
	}
}

func TestEverySettingReachesItsOwnFieldFromEverySource(t *testing.T) { // failure mode I2
	values := map[settings.Kind]string{settings.Text: "x", settings.Number: "7", settings.Duration: "77m", settings.List: "x"}
	none := load(t, settings.Sources{HomeDir: "/h"}, files{"x": "from a file"})
	seen := map[string]string{}
	for _, s := range settings.Table() {
		v := values[s.Kind]
		if s.Kind == settings.Choice {
			v = s.Values[len(s.Values)-1]
		}
		env := load(t, settings.Sources{HomeDir: "/h", Environ: []string{s.Env() + "=" + v}}, files{"x": "from a file"})
		diff := cmp.Diff(none, env)
		if diff == "" {
			t.Errorf("%s changes nothing", s.Key)
		}
		if other := seen[diff]; other != "" {
			t.Errorf("%s and %s change the same", s.Key, other)
		}
		seen[diff] = s.Key
		if s.Secret {
			continue
		}
		file := load(t, settings.Sources{HomeDir: "/h", File: "f"}, files{"f": s.Key + ": " + v + "\n", "x": "from a file"})
		flag := load(t, settings.Sources{HomeDir: "/h", Flags: map[string][]string{s.Flag(): {v}}}, files{"x": "from a file"})
		if d := cmp.Diff(env, file) + cmp.Diff(env, flag); d != "" {
			t.Errorf("%s differs by source: %s", s.Key, d)
		}
	}
}

func TestFlagsGiveWhatWasGiven(t *testing.T) {
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	settings.AddFlags(set)
	if err := set.Parse([]string{"--repository", "a/b", "--repository=c/d", "--max-runners", "3", "--max-runners", "4"}); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"repository": {"a/b", "c/d"}, "max-runners": {"4"}}
	if diff := cmp.Diff(want, settings.GivenFlags(set)); diff != "" {
		t.Error(diff)
	}
	if set.Lookup("github-token") != nil {
		t.Error("a secret has a flag, which every process of the machine could read")
	}
	if f := set.Lookup("boot-delay"); f == nil || !f.Hidden {
		t.Error("boot-delay is for tests, and should be hidden")
	}
}

func TestThePageOfSettingsIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings.Markdown(), string(page)); diff != "" {
		t.Errorf("docs/settings.md is out of date: run go generate ./internal/cli\n%s", diff)
	}
}
