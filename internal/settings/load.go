package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	kept "github.com/runs-fleet/runs-fleet/internal/secret"
	"github.com/runs-fleet/runs-fleet/internal/spelling"
)

// Sources are where values come from. They are functions and plain values, so that a test needs no process environment.
type Sources struct {
	// File is the settings file's path, empty for none; ReadFile reads it and the files that settings name.
	File     string
	ReadFile func(path string) ([]byte, error)
	// Environ is as os.Environ returns it.
	Environ []string
	// Flags are the flags that were given, by name, with each of their values.
	Flags map[string][]string
	// Root says that the process is root's; HomeDir is the user's home, empty if unknown.
	Root    bool
	HomeDir string
}

// ConfigEnv names the settings file in the environment, as --config does among the flags.
const ConfigEnv = envPrefix + "CONFIG"

// clientEnvs are the variables of our prefix that the commands which talk to a server read.
func clientEnvs() []string {
	return []string{ConfigEnv, envPrefix + "SERVER", envPrefix + "TOKEN", envPrefix + "TOKEN_FILE"}
}

// Error is one thing that is wrong with the settings.
type Error struct {
	Where string // "settings.yml:3:5", "RUNS_FLEET_LISTEN", "--listen"; empty for a contradiction
	What  string // with the remedy
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.What
	}
	return e.Where + ": " + e.What
}

// value is what one source says of one setting.
type value struct {
	where string
	texts []string
}

// Load reads every source, reports everything that is wrong in them at once, fills in defaults and reads the files that
// hold secrets. Contradictions that only matter to a server are Serve's to find.
func Load(from Sources) (Settings, error) {
	environ := environment(from.Environ)
	if from.File == "" {
		from.File = environ[ConfigEnv]
	}
	byKey, errs := fileValues(from)
	errs = append(errs, applyEnvironment(byKey, environ)...)
	for _, s := range Table() {
		if given, ok := from.Flags[s.Flag()]; ok && s.Flag() != "" {
			byKey[s.Key] = value{where: "--" + s.Flag(), texts: given}
		}
	}
	var out Settings
	for _, s := range Table() {
		v, given := byKey[s.Key]
		if !given {
			if s.Default == "" {
				continue
			}
			v = value{texts: []string{s.Default}}
		}
		if err := s.set(&out, v.texts); err != nil {
			errs = append(errs, &Error{Where: v.where, What: err.Error()})
		}
	}
	if out.Data == "" {
		out.Data = DefaultData(from.Root, from.HomeDir, environ["XDG_STATE_HOME"])
	}
	if len(errs) > 0 {
		return Settings{}, errors.Join(errs...)
	}
	return out.readSecrets(from.ReadFile)
}

func environment(environ []string) map[string]string {
	out := make(map[string]string, len(environ))
	for _, e := range environ {
		if name, v, ok := strings.Cut(e, "="); ok {
			out[name] = v
		}
	}
	return out
}

// applyEnvironment overlays the environment's values. An empty variable is one that is not set: unit files and shells make
// them easily. A variable of our prefix that means nothing is an error: it is a misspelt setting.
func applyEnvironment(byKey map[string]value, environ map[string]string) []error {
	var known []string
	for _, s := range Table() {
		known = append(known, s.Env())
		text := environ[s.Env()]
		if text == "" {
			continue
		}
		v := value{where: s.Env(), texts: []string{text}}
		if s.Kind == List {
			v.texts = strings.Split(text, ",")
		}
		byKey[s.Key] = v
	}
	known = append(known, clientEnvs()...)
	var errs []error
	for name := range environ {
		if strings.HasPrefix(name, envPrefix) && !slices.Contains(known, name) {
			errs = append(errs, &Error{Where: name, What: "there is no such setting" + didYouMean(name, known)})
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

func didYouMean(word string, known []string) string {
	if c := spelling.Closest(word, known); c != "" {
		return "; did you mean " + c + "?"
	}
	return "; docs/settings.md lists them all"
}

// DefaultData is the data directory of someone who names none.
func DefaultData(root bool, home, stateHome string) string {
	switch {
	case root:
		return "/var/lib/runs-fleet"
	case stateHome != "":
		return stateHome + "/runs-fleet"
	case home != "":
		return home + "/.local/state/runs-fleet"
	default:
		return "runs-fleet-data"
	}
}

// readSecrets replaces the files that hold secrets by what they hold. Secrets in services stay where they are.
func (s Settings) readSecrets(readFile func(string) ([]byte, error)) (Settings, error) {
	var errs []error
	for _, f := range []struct {
		key, path string
		secret    *Secret
	}{
		{"github_token", s.GitHubTokenFile, &s.GitHubToken},
		{"webhook_secret", s.WebhookSecretFile, &s.WebhookSecret},
	} {
		if f.path == "" {
			continue
		}
		if *f.secret != "" {
			errs = append(errs, &Error{What: fmt.Sprintf("both %s and %s_file are set: remove one of them", f.key, f.key)})
			continue
		}
		place, err := kept.Parse(f.path)
		if err != nil {
			errs = append(errs, &Error{What: fmt.Sprintf("%s_file: %v", f.key, err)})
			continue
		}
		if place.Kind != kept.File {
			continue // a server reads it at its start
		}
		b, err := readFile(f.path)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %s_file: %w", f.key, err))
			continue
		}
		*f.secret = Secret(strings.TrimSpace(string(b)))
		if *f.secret == "" {
			errs = append(errs, &Error{Where: f.path, What: "the file of " + f.key + "_file is empty"})
		}
	}
	if _, err := kept.Parse(s.GitHubAppKeyFile); err != nil {
		errs = append(errs, &Error{What: fmt.Sprintf("github_app_key_file: %v", err)})
	}
	if len(errs) > 0 {
		return Settings{}, errors.Join(errs...)
	}
	return s, nil
}
