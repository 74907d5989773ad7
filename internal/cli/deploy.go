package cli

import (
	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func (s *session) deployCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "deploy",
		GroupID: groupRun,
		Short:   "Make what a fleet needs at AWS",
		Long:    "Make what a fleet needs at AWS. Nothing that is there already is changed or removed.",
		Args:    exactly(),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(s.deployDevCommand())
	return c
}

func (s *session) deployDevCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Make the table, the queues and the bucket that the settings name, for development",
		Long: "Make the DynamoDB table, the SQS queues (one for messages, one for dead letters) and the S3 bucket that store, queue and blob\n" +
			"name, as a fleet needs them: on-demand capacity, expiry, point-in-time recovery, indexes, redrive; no public access, and a\n" +
			"lifecycle for logs. Region, credentials and endpoints are those of AWS's SDK: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL and so\n" +
			"on. It may be run again at any time.",
		Example: "  runs-fleet deploy dev --store dynamodb://runs-fleet --queue sqs://runs-fleet --blob s3://octo-org-runs-fleet\n" +
			"  AWS_ENDPOINT_URL=http://127.0.0.1:4566 runs-fleet deploy dev --store 'dynamodb://runs-fleet?region=eu-west-1' --queue sqs://runs-fleet",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := s.settings(config, c.Flags())
			if err != nil {
				return err
			}
			made, err := s.env.Deploy(c.Context(), set)
			for _, line := range made {
				if err := s.print("%s\n", line); err != nil {
					return err
				}
			}
			return err
		},
	}
	c.Flags().StringVar(&config, "config", "", "the settings file (YAML)")
	settings.AddFlags(c.Flags(), "store", "queue", "blob")
	return c
}
