package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is how a setting's value is written.
type Kind string

// The kinds. A list is a sequence in the file, separated by commas in the environment, and a repeated flag.
const (
	Text     Kind = "text"
	Choice   Kind = "choice"
	Number   Kind = "number"
	Duration Kind = "duration"
	List     Kind = "list"
)

// Setting is one row of the table.
type Setting struct {
	Key     string // in the settings file; flag and environment variable follow from it
	Section string
	Kind    Kind
	Values  []string // of a choice
	Default string   // as a user would write it
	// DefaultText explains a default that is not a constant; Default is then empty.
	DefaultText string
	Help        string // whole sentences
	Secret      bool   // comes from the environment only
	Hidden      bool   // for tests; in no help text
	set         func(*Settings, []string) error
}

const envPrefix = "RUNS_FLEET_"

// Env is the setting's environment variable.
func (s Setting) Env() string { return envPrefix + strings.ToUpper(s.Key) }

// Flag is the setting's flag without dashes, empty for a secret.
func (s Setting) Flag() string {
	if s.Secret {
		return ""
	}
	return strings.ReplaceAll(s.Key, "_", "-")
}

// Unit names what the value of a flag is, for help texts.
func (s Setting) Unit() string {
	switch s.Kind {
	case Choice:
		return strings.Join(s.Values, "|")
	case Number:
		return "number"
	case Duration:
		return "duration"
	case Text, List:
		return "text"
	default:
		return ""
	}
}

func text(s Setting, field func(*Settings) *string) Setting {
	s.Kind = Text
	s.set = func(to *Settings, v []string) error { *field(to) = v[0]; return nil }
	return s
}

func secret(s Setting, field func(*Settings) *Secret) Setting {
	s.Kind, s.Secret = Text, true
	s.set = func(to *Settings, v []string) error { *field(to) = Secret(strings.TrimSpace(v[0])); return nil }
	return s
}

func list(s Setting, field func(*Settings) *[]string) Setting {
	s.Kind = List
	s.set = func(to *Settings, v []string) error {
		out := make([]string, 0, len(v))
		for _, one := range v {
			if one = strings.TrimSpace(one); one != "" && !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
		*field(to) = out
		return nil
	}
	return s
}

func choice(s Setting, field func(*Settings) *string) Setting {
	s.Kind = Choice
	s.set = func(to *Settings, v []string) error {
		if !slices.Contains(s.Values, v[0]) {
			return fmt.Errorf("%q is none of %s", v[0], strings.Join(s.Values, ", "))
		}
		*field(to) = v[0]
		return nil
	}
	return s
}

func duration(s Setting, least time.Duration, field func(*Settings) *time.Duration) Setting {
	s.Kind = Duration
	s.set = func(to *Settings, v []string) error {
		d, err := time.ParseDuration(v[0])
		if err != nil {
			return fmt.Errorf("%q is no duration: write a number with a unit, such as 10s, 5m or 24h", v[0])
		}
		if d < least {
			return fmt.Errorf("%s is too short: the least is %s", d, least)
		}
		*field(to) = d
		return nil
	}
	return s
}

func number(s Setting, field func(*Settings) *int) Setting {
	s.Kind = Number
	s.set = func(to *Settings, v []string) error {
		n, err := strconv.Atoi(v[0])
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no whole number of 0 or more", v[0])
		}
		*field(to) = n
		return nil
	}
	return s
}
