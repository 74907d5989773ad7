package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

func (s *session) serveCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:     "serve",
		GroupID: groupRun,
		Short:   "Run the server: it finds queued jobs and runs them on this machine",
		Long: "Run the server: it finds queued jobs and runs each on an ephemeral runner of its own on this machine (Linux).\n\n" +
			"A repository and a GitHub credential are all that it needs. The credential comes from the environment or a file, never from\n" +
			"the command line: RUNS_FLEET_GITHUB_TOKEN, or github_app_id and github_app_key_file. Every flag is also an environment\n" +
			"variable (RUNS_FLEET_MAX_RUNNERS) and a key of the settings file (max_runners); docs/settings.md explains each.\n\n" +
			"The first Ctrl-C lets running jobs end and launches nothing more; the second ends them. SIGTERM stops the server and leaves\n" +
			"runners at work: the next start takes them over.",
		Example: "  export RUNS_FLEET_GITHUB_TOKEN=github_pat_...\n" +
			"  runs-fleet serve --repository octo-org/octo-repo\n" +
			"  runs-fleet serve --config /etc/runs-fleet/settings.yml",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := s.settings(config, c.Flags())
			if err == nil {
				set, err = set.Check()
			}
			if err != nil {
				return err
			}
			return s.env.Serve(c.Context(), set)
		},
	}
	c.Flags().StringVar(&config, "config", "", "the settings file (YAML)")
	settings.AddFlags(c.Flags())
	c.Flags().SortFlags = false
	return c
}

func (s *session) settings(config string, flags *pflag.FlagSet) (settings.Settings, error) {
	return settings.Load(settings.Sources{
		File: config, ReadFile: s.env.ReadFile, Environ: s.env.Environ, Flags: settings.GivenFlags(flags),
		Root: s.env.Root, HomeDir: s.env.HomeDir,
	})
}

func (s *session) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		GroupID: groupHelp,
		Short:   "Say which version this is",
		Example: "  runs-fleet version --output json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			v := version.Current()
			if s.json() {
				return s.printJSON(v)
			}
			return s.print("%s\n", v)
		},
	}
	s.hasOutput(c)
	return c
}
