package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

func (s *session) jobsCommand() *cobra.Command {
	list := s.jobsListCommand()
	c := s.jobsListCommand()
	c.Use = "jobs"
	c.Short = "List jobs, and ask about one"
	c.GroupID = groupAsk
	c.AddCommand(list, s.jobsShowCommand(), s.jobsWhyCommand(), s.jobsLogCommand())
	return c
}

type jobsFlags struct {
	filter client.JobFilter
	limit  int
	all    bool
	watch  bool
}

func (s *session) jobsListCommand() *cobra.Command {
	var f jobsFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "List jobs: queued ones first, then running and ended ones",
		Long: "List jobs: those that wait first, then those that run, then those that have ended; the newest first in each.\n" +
			"Waited counts from the moment the job was queued until a runner took it.",
		Example: "  runs-fleet jobs\n  runs-fleet jobs --state queued --repository octo-org/octo-repo\n  runs-fleet jobs --watch\n" +
			"  runs-fleet jobs --all --output json",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return s.listJobs(c.Context(), f) },
	}
	s.asksServerBelow(c)
	c.Flags().StringVar(&f.filter.State, "state", "", "only jobs in this state: waiting, queued, in_progress or completed")
	c.Flags().StringVar(&f.filter.Repository, "repository", "", "only jobs of this repository, owner/name")
	c.Flags().StringVarP(&f.filter.Text, "search", "q", "", "only jobs with this text in a name, label, branch, runner or id")
	c.Flags().IntVar(&f.limit, "limit", 30, "the most jobs to list")
	c.Flags().BoolVar(&f.all, "all", false, "list every job that is kept")
	c.Flags().BoolVarP(&f.watch, "watch", "w", false, "go on listing every 2 seconds, until Ctrl-C")
	c.MarkFlagsMutuallyExclusive("limit", "all")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(
		[]string{"waiting", "queued", "in_progress", "completed"}, cobra.ShellCompDirectiveNoFileComp)) // as in hasOutput
	return c
}

func (s *session) listJobs(ctx context.Context, f jobsFlags) error {
	switch {
	case f.limit < 1:
		return &usageError{fmt.Errorf("--limit %d: the least is 1", f.limit)}
	case f.filter.State != "" && !knownState(f.filter.State):
		return &usageError{fmt.Errorf("--state %q is none of waiting, queued, in_progress, completed", f.filter.State)}
	case f.watch && s.json():
		return &usageError{fmt.Errorf("--watch is for people: programs ask again by themselves")}
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	if f.watch {
		return s.watch(ctx, func() error { return s.listJobsOnce(ctx, c, f) })
	}
	return s.listJobsOnce(ctx, c, f)
}

func knownState(state string) bool {
	switch state {
	case "waiting", "queued", "in_progress", "completed":
		return true
	default:
		return false
	}
}

func (s *session) listJobsOnce(ctx context.Context, c *client.Client, f jobsFlags) error {
	page, err := collectJobs(ctx, c, f)
	if err != nil {
		return err
	}
	if s.json() {
		return s.printJSON(page)
	}
	if len(page.Jobs) == 0 {
		return s.print("No jobs. The server lists a job as soon as a workflow with runs-on: runs-fleet is queued.\n")
	}
	if err := s.jobsTable(page.Jobs).write(s.env.Out, s.env.Width, s.env.Color); err != nil {
		return err
	}
	if page.Next != "" {
		return s.print("%s\n", paint("There are more: --limit raises the number, --all lists them all.", dim, s.env.Color))
	}
	return nil
}

// pageSize is the largest page that the server gives.
const pageSize = 200

// collectJobs reads pages until there are enough.
func collectJobs(ctx context.Context, c *client.Client, f jobsFlags) (view.JobPage, error) {
	out := view.JobPage{Jobs: []view.Job{}}
	for {
		want := pageSize
		if !f.all {
			want = min(want, f.limit-len(out.Jobs))
		}
		page, err := c.Jobs(ctx, f.filter, out.Next, want)
		if err != nil {
			return view.JobPage{}, err
		}
		out.Jobs, out.Next = append(out.Jobs, page.Jobs...), page.Next
		if out.Next == "" || !f.all && len(out.Jobs) >= f.limit {
			return out, nil
		}
	}
}

func (s *session) jobsTable(jobs []view.Job) *table {
	t := &table{columns: []column{
		{title: "JOB", right: true},
		{title: "REPOSITORY", flexible: true},
		{title: "NAME", flexible: true},
		{title: "STATE"},
		{title: "WAITED", right: true},
		{title: "RAN", right: true},
		{title: "RUNNER", flexible: true},
	}}
	for _, j := range jobs {
		t.add(text(strconv.FormatInt(j.ID, 10)), text(j.Repository), text(j.Name), jobState(j),
			text(span(j.WaitedSeconds)), text(ran(j)), text(j.Runner))
	}
	return t
}

// jobState is the state, or how the job ended.
func jobState(j view.Job) cell {
	switch j.State {
	case "queued":
		if j.Problem != nil {
			return cell{"refused", red}
		}
		return cell{"queued", amber}
	case "waiting":
		return cell{"held by GitHub", dim}
	case "in_progress":
		return cell{"running", blue}
	default:
		return conclusion(j.Conclusion)
	}
}

func conclusion(c string) cell {
	switch c {
	case "success":
		return cell{c, green}
	case "failure", "timed_out", "startup_failure":
		return cell{c, red}
	case "":
		return cell{"ended", dim}
	default:
		return cell{c, dim}
	}
}

func span(seconds float64) string { return view.Span(time.Duration(seconds * float64(time.Second))) }

func ran(j view.Job) string {
	if j.Started.IsZero() {
		return "-"
	}
	return span(j.RanSeconds)
}

// parseJob reads what people have at hand: an id, host/id, or the address of the job's page at GitHub.
func parseJob(arg string) (client.Job, error) {
	wrong := &usageError{fmt.Errorf("%q is no job: give its number, as runs-fleet jobs lists it, or the address of its page at GitHub", arg)}
	host, rest := "", arg
	if _, after, ok := strings.Cut(arg, "://"); ok {
		var path string
		if host, path, ok = strings.Cut(after, "/"); !ok {
			return client.Job{}, wrong
		}
		if _, rest, ok = strings.Cut(path, "/job/"); !ok {
			return client.Job{}, wrong
		}
		rest, _, _ = strings.Cut(rest, "?")
		rest, _, _ = strings.Cut(rest, "#")
	} else if before, after, ok := strings.Cut(arg, "/"); ok {
		host, rest = before, after
	}
	id, err := strconv.ParseInt(rest, 10, 64)
	if err != nil || id <= 0 {
		return client.Job{}, wrong
	}
	return client.Job{Host: host, ID: id}, nil
}
