package settings

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// AddFlags defines a flag for every setting that may be one, or for those with the keys.
func AddFlags(to *pflag.FlagSet, keys ...string) {
	for _, s := range Table() {
		if s.Flag() == "" || len(keys) > 0 && !slices.Contains(keys, s.Key) {
			continue
		}
		to.Var(&flag{unit: s.Unit(), list: s.Kind == List, text: s.Default}, s.Flag(), s.usage())
		if s.Hidden {
			_ = to.MarkHidden(s.Flag())
		}
	}
}

// GivenFlags returns the flags of AddFlags that were given, for Sources.
func GivenFlags(from *pflag.FlagSet) map[string][]string {
	out := map[string][]string{}
	from.Visit(func(f *pflag.Flag) {
		if v, ok := f.Value.(*flag); ok {
			out[f.Name] = v.given
		}
	})
	return out
}

// usage is the first sentence of the help, and what list and default mean; the rest is in docs/settings.md.
func (s Setting) usage() string {
	u, _, _ := strings.Cut(s.Help, ". ")
	u = strings.TrimSuffix(u, ".")
	u = strings.ToLower(u[:1]) + u[1:]
	if s.Kind == List {
		u += " (repeatable)"
	}
	if s.DefaultText != "" {
		u += " (default: " + s.DefaultText + ")"
	}
	return u
}

// flag keeps what was given as text: values are parsed in one place, whatever source they come from.
type flag struct {
	unit  string
	list  bool
	text  string
	given []string
}

func (f *flag) String() string {
	if len(f.given) > 0 {
		return strings.Join(f.given, ",")
	}
	return f.text
}

func (f *flag) Set(v string) error {
	if !f.list {
		f.given = nil
	}
	f.given = append(f.given, v)
	return nil
}

func (f *flag) Type() string { return f.unit }
