package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/setup"
	"github.com/runs-fleet/runs-fleet/internal/version"
)

func (s *session) gitHubCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "github",
		GroupID: groupRun,
		Short:   "Give the server its access to GitHub",
		Example: "  runs-fleet github setup --app --organization octo-org",
		Args:    knownCommand,
		// As for the root: the library's own default is no suggestion.
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(s.gitHubSetupCommand())
	return c
}

// setupFlags are what the command line says of a set-up.
type setupFlags struct {
	setup.Options
	app, token bool
}

func (s *session) gitHubSetupCommand() *cobra.Command {
	var f setupFlags
	c := &cobra.Command{
		Use:   "setup",
		Short: "Create a GitHub App or take a personal token, and write the settings of a server",
		Long: "Create a GitHub App or take a personal token, write the settings of a server, and look whether it all works.\n\n" +
			"--app leads you through the creation of an App in a browser, which may be on another machine, waits until the App is\n" +
			"installed, and notes the repositories. --token asks for a personal access token without showing it, or reads it from\n" +
			"standard input or --token-file, and tries it before it writes anything. docs/github-app.md says what each can do.\n\n" +
			"Secrets go into files that only this user can read. Running it again is safe: an App that the settings name is used, and\n" +
			"no key is overwritten. At the end it makes the checks of runs-fleet doctor.",
		Example: "  runs-fleet github setup --app\n" +
			"  runs-fleet github setup --app --organization octo-org --url https://fleet.example.com\n" +
			"  runs-fleet github setup --token --repository octo-org/octo-repo\n" +
			"  runs-fleet github setup --token-file token.txt --repository octo-org/octo-repo",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return s.setUp(c, f) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.app, "app", false, "create a GitHub App, or go on with the one that the settings name")
	flags.BoolVar(&f.token, "token", false, "take a personal access token from the terminal or standard input")
	flags.StringVar(&f.TokenFile, "token-file", "", "take a personal access token from this file")
	flags.StringArrayVar(&f.Repositories, "repository", nil, "a repository to serve, as owner/name (repeatable; default: those that the App is installed for)")
	flags.StringVar(&f.Organization, "organization", "", "the organisation that shall own the App (default: you)")
	flags.StringVar(&f.ExternalURL, "url", "", "the server's public address, for webhooks (default: none, the server asks for jobs)")
	flags.StringVar(&f.GitHubURL, "github-url", "https://api.github.com", "the address of GitHub's REST API; https://HOST/api/v3 for an Enterprise Server")
	flags.StringVar(&f.Dir, "dir", "", "the folder for settings.yml and secrets (default: that of RUNS_FLEET_CONFIG, else /etc/runs-fleet as root, ~/.config/runs-fleet otherwise)")
	flags.StringVar(&f.Listen, "listen", "127.0.0.1:0", "the address of this machine that the browser comes back to; port 0 chooses one")
	flags.BoolVar(&f.Again, "again", false, "create another App although the settings name one")
	s.hasOutput(c)
	return c
}

// way says which of the two ways was asked for.
func (f setupFlags) way() (token bool, err error) {
	token = f.token || f.TokenFile != ""
	switch {
	case token == f.app:
		return false, &usageError{errors.New("say --app to create a GitHub App (better for organisations, and for good), or --token to use a personal access token (quick)")}
	case token && (f.Organization != "" || f.ExternalURL != "" || f.Again):
		return false, &usageError{errors.New("--organization, --url and --again are about an App: leave them out, or say --app")}
	}
	return token, nil
}

func (s *session) setUp(c *cobra.Command, f setupFlags) error {
	token, err := f.way()
	if err != nil {
		return err
	}
	if f.Dir == "" {
		f.Dir = s.configDir()
	}
	if address := s.getenv(envGitHubURL); address != "" && !c.Flags().Changed("github-url") {
		f.GitHubURL = address
	}
	talk := setup.Dialogue{
		In: s.env.In, Out: s.env.Err, ReadSecret: s.env.ReadSecret, Clock: s.env.Clock, Random: s.env.Random,
		UserAgent: "runs-fleet/" + version.Current().Version,
	}
	way := setup.App
	if token {
		way = setup.Token
	}
	out, err := way(c.Context(), f.Options, talk)
	if err != nil {
		return err
	}
	return s.verify(c, out)
}

// envGitHubURL is the environment variable of the setting github_url.
const envGitHubURL = "RUNS_FLEET_GITHUB_URL"

// configDir is where the settings of someone are who names no folder: that of the settings file which the environment names
// for the server, else the usual one.
func (s *session) configDir() string {
	if file := s.getenv(settings.ConfigEnv); filepath.Base(file) == setup.SettingsFile {
		return filepath.Dir(file)
	}
	if s.env.Root {
		return "/etc/runs-fleet"
	}
	return filepath.Join(first(s.getenv("XDG_CONFIG_HOME"), filepath.Join(s.env.HomeDir, ".config")), "runs-fleet")
}

// verify makes doctor's checks with the settings that were written.
func (s *session) verify(c *cobra.Command, out setup.Outcome) error {
	var findings []doctor.Finding
	set, err := s.settings(out.Settings, c.Flags())
	if err == nil {
		var checked settings.Settings
		if checked, err = set.Check(); err == nil {
			set = checked
		}
	}
	if err != nil {
		findings = settingFindings(err)
	}
	findings = append(findings, s.env.Examine(c.Context(), set)...)
	if s.json() {
		return s.reportSetup(out, findings)
	}
	if err := s.print("\n"); err != nil {
		return err
	}
	failed := s.report(findings)
	if err := s.printNext(out); err != nil {
		return err
	}
	return failed
}

func (s *session) reportSetup(out setup.Outcome, findings []doctor.Finding) error {
	sound := doctor.Sound(findings)
	err := s.printJSON(struct {
		OK            bool `json:"ok"`
		setup.Outcome      //nolint:embeddedstructfieldcheck // in the order of the output

		Findings []doctor.Finding `json:"findings"`
	}{sound, out, findings})
	if err == nil && !sound {
		return silentError{}
	}
	return err
}

func (s *session) printNext(out setup.Outcome) error {
	if out.Replaced != "" {
		if err := s.print("\n%s\n", out.Replaced); err != nil {
			return err
		}
	}
	return s.print("\nStart the server with\n\n  runs-fleet serve --config %s\n", shellWord(out.Settings))
}

// shellWord quotes a path that a shell would split.
func shellWord(path string) string {
	for _, r := range path {
		if r == ' ' || r == '\'' || r == '"' || r == '$' || r == '\\' {
			return fmt.Sprintf("%q", path)
		}
	}
	return path
}
