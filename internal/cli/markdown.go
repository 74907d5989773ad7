package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Markdown is the page docs/command-line.md, made from the commands themselves.
func Markdown() string {
	root := New(Env{Out: io.Discard, Err: io.Discard}) // nothing is run
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString(`<!-- Generated from internal/cli by "go generate ./...". Do not edit. -->

# Command line

` + root.Long + `

Commands about a fleet ask its server over the REST API; none but store opens the database. They find the server of the data directory by the
file server.json in it, which only the server's user can read. ` + "`--server URL`" + ` or ` + "`" + envServer + "`" + ` names another server, whose token
is then in ` + "`" + envToken + "`" + ` or in the file that ` + "`" + envTokenFile + "`" + ` names (the setting api_tokens_file says how to make one).

` + "`--output json`" + ` prints for programs what tables print for people. Tables are coloured and cut to the width of a terminal; a pipe gets
everything, without colours. ` + "`NO_COLOR`" + ` turns colours off.

` + "`runs-fleet completion bash`" + ` (or zsh, fish, powershell) prints a script that completes commands and flags.

## Exit codes

| code | meaning |
|---|---|
`)
	for _, c := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", c.code, c.meaning)
	}
	b.WriteString("\n")
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			commandMarkdown(&b, c, 2)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

type meaning struct {
	code    int
	meaning string
}

func exitCodes() []meaning {
	return []meaning{
		{ExitOK, "The command did what it was told."},
		{ExitFailed, "It could not, or doctor found a problem."},
		{ExitUsage, "The command line, a label or a setting is wrong; the message says how."},
		{ExitNoServer, "No server is running, or it cannot be reached."},
		{ExitNotFound, "There is no such job or machine."},
		{ExitRefused, "The server does not accept the login."},
	}
}

func commandMarkdown(b *strings.Builder, c *cobra.Command, level int) {
	fmt.Fprintf(b, "%s %s\n\n", strings.Repeat("#", level), c.CommandPath())
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(b, "%s\n\n```\n%s\n```\n\n", text, c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(b, "Examples:\n\n```\n%s\n```\n\n", unindent(c.Example))
	}
	c.InitDefaultHelpFlag()
	switch c.Name() {
	case "serve":
		b.WriteString("Flags: `--config FILE`, and one for each of the [settings](settings.md).\n\n")
	case "doctor":
		b.WriteString("Flags: `--output table|json`, and those of `runs-fleet serve`.\n\n")
	default:
		flagsMarkdown(b, c)
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			commandMarkdown(b, sub, level+1)
		}
	}
}

func flagsMarkdown(b *strings.Builder, c *cobra.Command) {
	rows := 0
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if rows == 0 {
			b.WriteString("| flag | meaning | default |\n|---|---|---|\n")
		}
		rows++
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name += ", `-" + f.Shorthand + "`"
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, strings.ReplaceAll(f.Usage, "|", "\\|"), value)
	})
	if rows > 0 {
		b.WriteString("\n")
	}
}

func unindent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
