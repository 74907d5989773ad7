package runner

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// variables is an environment.
type variables map[string]string

func environment(list []string) variables {
	env := make(variables, len(list))
	for _, entry := range list {
		if name, value, found := strings.Cut(entry, "="); found {
			env[name] = value
		}
	}
	return env
}

// forget removes what begins with prefix from here and from the process, so that no child of it gets a secret.
func (v variables) forget(prefix string) {
	for name := range v {
		if strings.HasPrefix(name, prefix) {
			delete(v, name)
			_ = os.Unsetenv(name)
		}
	}
}

// load adds the lines KEY=VALUE of a runner's .env file, which need not exist. They reach the worker and the job.
func (v variables) load(path string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the runner's .env file: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		if name, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), "="); found && name != "" && name[0] != '#' {
			v[name] = value
			v[fromFile+name] = value
		}
	}
	return nil
}

// fromFile marks, beside the variable itself, that it came from the .env file. No real variable's name has such a byte.
const fromFile = "\x00"

// job is the part of the environment that a job gets: what the .env file says, and of the process's own environment what
// a login has. The official runner hands on everything; a stand-in that may be started from a server must not.
func (v variables) job() []string {
	var list []string
	for name, value := range v {
		if strings.HasPrefix(name, fromFile) {
			continue
		}
		_, given := v[fromFile+name]
		if given || passed(name) {
			list = append(list, name+"="+value)
		}
	}
	return list
}

func passed(name string) bool {
	switch name {
	case "PATH", "HOME", "TMPDIR", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL",
		"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY", "SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP":
		return true
	default:
		return strings.HasPrefix(name, "LC_")
	}
}
