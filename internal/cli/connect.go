package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

// The environment of commands that ask a server.
const (
	envServer    = "RUNS_FLEET_SERVER"
	envData      = "RUNS_FLEET_DATA"
	envToken     = "RUNS_FLEET_TOKEN"
	envTokenFile = "RUNS_FLEET_TOKEN_FILE"
)

// asksServer adds the flags of a command that is a client.
func (s *session) asksServer(c *cobra.Command) *cobra.Command {
	s.hasOutput(c)
	c.Flags().StringVar(&s.server, "server", "", "the server's address, with its token in "+envToken+" or the file "+envTokenFile+
		" (default: the server of the data directory)")
	c.Flags().StringVar(&s.data, "data", "", "the data directory of the server (default: as for runs-fleet serve)")
	c.GroupID = groupAsk
	return c
}

// asksServerBelow is asksServer for a command that is in no group of its own.
func (s *session) asksServerBelow(c *cobra.Command) *cobra.Command {
	s.asksServer(c).GroupID = ""
	return c
}

// getenv returns a variable of the process.
func (s *session) getenv(name string) string {
	for _, e := range s.env.Environ {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// connect finds the server: by --server, by the environment, else by the file in the data directory.
func (s *session) connect() (*client.Client, error) {
	server := first(s.server, s.getenv(envServer))
	if server != "" && s.data != "" && s.server != "" {
		return nil, &usageError{fmt.Errorf("--server and --data both say which server to ask: give one of them")}
	}
	if server != "" && s.data == "" {
		token, err := s.token()
		if err != nil {
			return nil, err
		}
		return client.New(server, token, s.env.Clock)
	}
	f, err := client.ReadServerFile(s.dataDir())
	if err != nil {
		return nil, err
	}
	return client.New(f.URL, f.Token, s.env.Clock)
}

func (s *session) dataDir() string {
	if dir := first(s.data, s.getenv(envData)); dir != "" {
		return dir
	}
	return settings.DefaultData(s.env.Root, s.env.HomeDir, s.getenv("XDG_STATE_HOME"))
}

func (s *session) token() (string, error) {
	if t := s.getenv(envToken); t != "" {
		return t, nil
	}
	path := s.getenv(envTokenFile)
	if path == "" {
		return "", &usageError{fmt.Errorf("a server that is named by its address needs a token: put it into %s, or its file's path into %s",
			envToken, envTokenFile)}
	}
	b, err := s.env.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
