package cli

import (
	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func (s *session) hostCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:     "host",
		GroupID: groupRun,
		Short:   "Offer this machine's runners to servers elsewhere",
		Long: "Offer this machine's runners to servers elsewhere (Linux). Several servers that share a store start their runners on a host,\n" +
			"which holds no GitHub credential and decides nothing. The servers name it with host_url; both sides know the token in\n" +
			"host_token_file. Settings are read as serve reads them; max_runners, isolation, runner_dir, agent, data and those of the\n" +
			"section Several servers are used.\n\n" +
			"Ctrl-C and SIGTERM stop the host and leave runners at work: the next start takes them over.",
		Example: "  (umask 077; head -c 24 /dev/urandom | base64 > host-token)\n" +
			"  runs-fleet host --control-plane https://fleet.example --host-token-file host-token --runner-dir /opt/actions-runner",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := s.settings(config, c.Flags())
			if err == nil {
				set, err = set.CheckHost()
			}
			if err != nil {
				return err
			}
			return s.env.ServeHost(c.Context(), set)
		},
	}
	c.Flags().StringVar(&config, "config", "", "the settings file (YAML)")
	settings.AddFlags(c.Flags())
	c.Flags().SortFlags = false
	return c
}
