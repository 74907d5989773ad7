package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// onJob makes a command that asks about one job.
func (s *session) onJob(c *cobra.Command, run func(context.Context, *client.Client, client.Job) error) *cobra.Command {
	c.Args = exactly("the id of a job")
	c.RunE = func(c *cobra.Command, args []string) error {
		j, err := parseJob(args[0])
		if err != nil {
			return err
		}
		to, err := s.connect()
		if err != nil {
			return err
		}
		return run(c.Context(), to, j)
	}
	return s.asksServerBelow(c)
}

func (s *session) jobsWhyCommand() *cobra.Command {
	return s.onJob(&cobra.Command{
		Use:     "why ID",
		Short:   "Say in one sentence why a job waits",
		Example: "  runs-fleet jobs why 42\n  runs-fleet jobs why https://github.com/octo-org/octo-repo/actions/runs/7/job/42",
	}, func(ctx context.Context, c *client.Client, j client.Job) error {
		why, err := c.Why(ctx, j)
		if err != nil {
			return err
		}
		if s.json() {
			return s.printJSON(why)
		}
		return s.print("%s\n", clean(why.Reason))
	})
}

func (s *session) jobsShowCommand() *cobra.Command {
	return s.onJob(&cobra.Command{
		Use:   "show ID",
		Short: "Show all that is known of a job",
		Long: "Show all that is known of a job: its history from the first sighting, the end of its runner's own log, and what its machine\n" +
			"printed while it booted if that failed. Logs of machines are kept for 30 days.",
		Example: "  runs-fleet jobs show 42",
	}, s.showJob)
}

func (s *session) jobsLogCommand() *cobra.Command {
	return s.onJob(&cobra.Command{
		Use:     "log ID",
		Short:   "Print a job's log",
		Long:    "Print a job's log: GitHub's once the job has ended; while it runs, the end of what the runner on its machine says.",
		Example: "  runs-fleet jobs log 42",
	}, func(ctx context.Context, c *client.Client, j client.Job) error {
		log, source, err := c.Log(ctx, j)
		if err != nil {
			return err
		}
		if s.json() {
			return s.printJSON(struct {
				Source string `json:"source"`
				Log    string `json:"log"`
			}{source, string(log)})
		}
		if _, err := s.env.Out.Write(log); err != nil {
			return fmt.Errorf("writing the log: %w", err)
		}
		return nil
	})
}

// jobReport is jobs show as JSON.
type jobReport struct {
	view.JobDetails
	MachineDetails *view.MachineDetails `json:"machine_details,omitempty"`
	// MachineLogs are what is left of a machine whose entry is no longer kept: "console" and "runner".
	MachineLogs map[string]string `json:"machine_logs,omitempty"`
}

func (s *session) showJob(ctx context.Context, c *client.Client, id client.Job) error {
	j, err := c.Job(ctx, id)
	if err != nil {
		return err
	}
	report := jobReport{JobDetails: j}
	if parts := strings.Split(j.Machine, "/"); len(parts) == 3 {
		m, err := c.Machine(ctx, parts[0], parts[1], parts[2])
		if err != nil && !client.IsNotFound(err) { // an old machine's row is no longer kept
			return err
		}
		if err == nil {
			report.MachineDetails = &m
		} else if report.MachineLogs, err = machineLogs(ctx, c, parts); err != nil {
			return err
		}
	}
	if s.json() {
		return s.printJSON(report)
	}
	return s.printJob(report)
}

// machineLogs are those logs of a machine that are still kept.
func machineLogs(ctx context.Context, c *client.Client, machine []string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range []fleet.Log{fleet.LogConsole, fleet.LogRunner} {
		text, err := c.MachineLog(ctx, machine[0], machine[1], machine[2], string(name))
		if client.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[string(name)] = string(text)
	}
	return out, nil
}

func (s *session) printJob(r jobReport) error {
	f := facts{}
	f.add("Job", fmt.Sprintf("%d %s", r.ID, r.Name))
	f.add("Repository", r.Repository)
	f.add("Workflow", strings.TrimSpace(r.Workflow+" "+branch(r.Branch)))
	f.add("Page", r.URL)
	f.add("Labels", strings.Join(r.Labels, ", "))
	f.addCell("State", jobState(r.Job))
	if r.Problem != nil {
		f.addCell("Refused", cell{r.Problem.Title + ": " + r.Problem.Detail, red})
	}
	f.add("Why it waits", r.Why)
	f.add("Waited", span(r.WaitedSeconds))
	if !r.Started.IsZero() {
		f.add("Ran", span(r.RanSeconds))
	}
	f.add("Runner", r.Runner)
	f.add("Machine", r.Machine)
	if err := s.printFacts(f); err != nil {
		return err
	}
	if err := s.printHistory("History", r.History); err != nil {
		return err
	}
	if r.MachineDetails == nil {
		return s.printMachineLogs(view.MachineDetails{
			Console: r.MachineLogs[string(fleet.LogConsole)], Diagnostics: r.MachineLogs[string(fleet.LogRunner)],
		})
	}
	if err := s.printHistory("Its machine", r.MachineDetails.History); err != nil {
		return err
	}
	return s.printMachineLogs(*r.MachineDetails)
}

func branch(b string) string {
	if b == "" {
		return ""
	}
	return "on " + b
}

// facts are names and values, one a line.
type facts struct {
	names  []string
	values []cell
}

func (f *facts) add(name, value string) { f.addCell(name, text(value)) }

// addCell leaves out what is not known.
func (f *facts) addCell(name string, value cell) {
	if strings.TrimSpace(value.text) != "" {
		f.names, f.values = append(f.names, name), append(f.values, value)
	}
}

func (s *session) printFacts(f facts) error {
	width := 0
	for _, n := range f.names {
		width = max(width, len(n))
	}
	for i, n := range f.names {
		name := paint(n+strings.Repeat(" ", width-len(n)), dim, s.env.Color)
		if err := s.print("%s  %s\n", name, paint(clean(f.values[i].text), f.values[i].ink, s.env.Color)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) printHistory(title string, entries []view.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := s.print("\n%s\n", paint(title, bold, s.env.Color)); err != nil {
		return err
	}
	for _, e := range entries {
		at := paint(e.At.UTC().Format(time.DateOnly+" 15:04:05.000Z"), dim, s.env.Color)
		if err := s.print("%s  %s\n", at, clean(e.Text)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) printMachineLogs(m view.MachineDetails) error {
	for _, l := range []struct{ title, text string }{
		{"What the machine printed while it booted", m.Console}, {"The end of the runner's own log", m.Diagnostics},
	} {
		if strings.TrimSpace(l.text) == "" {
			continue
		}
		if err := s.print("\n%s\n%s\n", paint(l.title, bold, s.env.Color), strings.TrimRight(cleanLines(l.text), "\n")); err != nil {
			return err
		}
	}
	return nil
}
