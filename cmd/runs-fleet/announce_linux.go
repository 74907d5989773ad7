package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/version"
	"github.com/runs-fleet/runs-fleet/internal/web"
)

// announce tells the person who started the server what a newcomer needs.
func (s *server) announce(ctx context.Context) error {
	p := s.parts
	login, err := s.web.LoginURL(ctx)
	if err != nil {
		return fmt.Errorf("making an address to log in: %w", err)
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "runs-fleet %s is running.\n\n", version.Current().Version)
	line("Address", "%s", p.localURL)
	line("Log in", "%s  (works once; runs-fleet login prints another)", login)
	for _, r := range p.repositories {
		note := ""
		if !r.Private && !s.settings.AllowsPublic(r.FullName()) {
			note = "  (public: its jobs are refused, unless allow_public names it)"
		}
		line("Serves", "%s%s", r.FullName(), note)
	}
	if len(p.repositories) == 0 {
		line("Serves", "the repositories of %s", strings.Join(s.settings.Owners, ", "))
	}
	if s.settings.Polls() {
		line("Finds jobs", "by asking %s every %s", p.github.Host(), s.settings.PollInterval)
	} else {
		line("Finds jobs", "by webhook (/webhook), and a scan every %s for lost ones", settings.SafetyScan)
	}
	line("Isolation", "%s", isolationText(p.machines.about.Isolation))
	line("Capacity", "%d runners at a time", p.maxRunners)
	if p.metrics != nil {
		line("Metrics", "http://%s%s", p.metrics.Addr(), web.MetricsPath)
	} else {
		line("Metrics", "%s%s  (with a token)", p.localURL, web.MetricsPath)
	}
	line("Data", "%s", s.settings.Data)
	if s.settings.HostURL != "" {
		line("Host", "%s", s.settings.HostURL)
	}
	if !p.alone {
		line("Store", "%s", s.settings.Store)
		line("Queue", "%s", s.settings.Queue)
	}
	b.WriteString("\nA job comes here when its workflow says  runs-on: runs-fleet\n")
	if p.alone {
		b.WriteString("Ctrl-C lets running jobs end and then stops; a second Ctrl-C ends them.\n\n")
	} else {
		b.WriteString("Ctrl-C stops this server; the others that share its store go on.\n\n")
	}
	if _, err := fmt.Fprint(s.streams.out, b.String()); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}

func isolationText(kind string) string {
	switch boot.Isolation(kind) {
	case boot.None:
		return "NONE: a job can do whatever the user of this server can"
	case boot.User:
		return "a user, process, mount and temporary-file namespace of its own for each job"
	case boot.Namespace:
		return "process, mount and temporary-file namespaces of its own for each job"
	default:
		return kind
	}
}
