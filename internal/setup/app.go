package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/github"
)

// App creates a GitHub App with the help of a browser, writes its credentials and the settings, and waits until it is
// installed. An App that the settings name already is used instead, unless another one is asked for.
func App(ctx context.Context, o Options, d Dialogue) (Outcome, error) {
	if err := checkExternal(o.ExternalURL); err != nil {
		return Outcome{}, err
	}
	web, err := github.WebURL(o.GitHubURL)
	if err != nil {
		return Outcome{}, err
	}
	r, err := begin(o, d)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Settings: r.files.path(SettingsFile), Repositories: []string{}}
	if r.usable() && !o.Again {
		out.AppID = r.existing.GitHubAppID
		out.Files = []string{r.existing.GitHubAppKeyFile}
		r.say("The settings in %s name the GitHub App %s already; it is used. Another one is made with --again.", out.Settings, out.AppID)
	} else if err := r.create(ctx, web, &out); err != nil {
		return Outcome{}, err
	}
	return out, r.awaitInstallation(ctx, &out)
}

// usable says whether the settings name an App whose key is there.
func (r *run) usable() bool {
	if r.existing.GitHubAppID == "" || r.existing.GitHubAppKeyFile == "" {
		return false
	}
	_, err := os.Stat(r.existing.GitHubAppKeyFile)
	return err == nil
}

func (r *run) create(ctx context.Context, web string, out *Outcome) error {
	code, err := r.ask(ctx, web)
	if err != nil {
		return err
	}
	r.say("GitHub has created the App. Fetching its credentials.")
	app, err := r.convert(ctx, code)
	if err != nil {
		return err
	}
	out.AppID, out.InstallURL = app.id(), app.Page+"/installations/new"
	return r.keep(app, out)
}

// ask leads the person to GitHub and returns the code of the App that was created there.
func (r *run) ask(ctx context.Context, web string) (string, error) {
	b, err := r.openBrowser(ctx, web)
	if err != nil {
		return "", err
	}
	defer b.close(ctx)
	formPage, err := b.formPage()
	if err != nil {
		return "", err
	}
	path, err := r.files.write("create-app.html", []byte(formPage))
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(path) }()
	r.explainApp(b, path)
	return r.codeFrom(ctx, b)
}

func (r *run) explainApp(b *browser, path string) {
	r.say("A GitHub App is how a fleet should act: it belongs to no person, its rights are these and no others, its tokens last")
	r.say("an hour, and it may put the reason on a commit when a label is wrong.\n")
	for _, p := range Permissions() {
		r.say("  %-16s %-6s to %s", p.Name, p.Level, p.Why)
	}
	if r.ExternalURL == "" {
		r.say("\nNo webhook: the server will ask GitHub for jobs. (With a public address, --url https://HOST makes it faster.)")
	} else {
		r.say("\nWebhooks go to %s/webhook.", strings.TrimRight(r.ExternalURL, "/"))
	}
	port := ""
	if u, err := url.Parse(b.start); err == nil {
		port = u.Port()
	}
	r.say("\nOpen this address in a browser:\n\n  %s\n", b.start)
	r.say("If the browser is on another machine, either make the way here first (ssh -L %s:127.0.0.1:%s THIS-MACHINE) and open", port, port)
	r.say("the same address there; or copy %s there and open it.", path)
	r.say("If the browser then ends at a page that does not load, paste that page's address here and press Enter.")
}

// codeFrom waits for the browser to come back, or for what the person pastes.
func (r *run) codeFrom(ctx context.Context, b *browser) (string, error) {
	lines := make(chan string)
	done := make(chan struct{})
	defer close(done)
	go func() {
		in := bufio.NewScanner(r.In)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-done:
				return
			}
		}
	}()
	const patience = time.Hour // GitHub's code lasts no longer
	ctx, cancel := r.Clock.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case code := <-b.codes:
			return code, nil
		case line := <-lines:
			if strings.TrimSpace(line) == "" {
				continue
			}
			code, err := b.pasted(line)
			if err == nil {
				return code, nil
			}
			r.say("%s.", err)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", errors.New("nobody came back from GitHub within an hour: run this again")
			}
			return "", fmt.Errorf("waiting for the App to be created: %w", ctx.Err())
		}
	}
}

// keep writes the credentials, the key first: GitHub shows it once. Files are named by the App, so that those of an earlier
// one stay.
func (r *run) keep(app createdApp, out *Outcome) error {
	key, err := r.files.write("github-app-"+app.id()+".pem", []byte(app.PrivateKey.Reveal()))
	if err != nil {
		return fmt.Errorf("%w; remove the App on GitHub's page %s and run this again", err, app.Page)
	}
	out.Files = []string{key}
	changes := []change{set("github_app_id", app.id()), set("github_app_key_file", key), {key: "github_token_file"}, r.apiAddress()}
	if app.WebhookSecret != "" {
		secret, err := r.files.write("github-app-"+app.id()+".webhook-secret", []byte(app.WebhookSecret.Reveal()+"\n"))
		if err != nil {
			return err
		}
		out.Files = append(out.Files, secret)
		if r.ExternalURL != "" {
			changes = append(changes, set("webhook_secret_file", secret), set("external_url", r.ExternalURL))
		}
	}
	if r.ExternalURL == "" {
		changes = append(changes, change{key: "webhook_secret_file"})
	} else if len(r.existing.Owners) == 0 {
		changes = append(changes, setList("owner", []string{app.Owner.Login}))
	}
	if len(r.Repositories) > 0 {
		changes = append(changes, setList("repository", r.Repositories))
	}
	out.Replaced = r.replaced()
	if _, err = r.files.change(changes...); err != nil {
		return err
	}
	r.say("The App's key is in %s, the settings are in %s. Nobody but this user can read them.", key, out.Settings)
	return nil
}

// apiAddress is written only where it is not the usual one.
func (r *run) apiAddress() change {
	if strings.TrimRight(r.GitHubURL, "/") == strings.TrimRight(github.DefaultBaseURL, "/") {
		return change{key: "github_url"}
	}
	return set("github_url", r.GitHubURL)
}

// replaced says which credential the settings name before they are changed; its files stay.
func (r *run) replaced() string {
	switch {
	case r.existing.GitHubAppID != "":
		return fmt.Sprintf("The settings named the GitHub App %s; its key stays in %s.", r.existing.GitHubAppID, r.existing.GitHubAppKeyFile)
	case r.existing.GitHubTokenFile != "":
		return fmt.Sprintf("The settings named the personal token in %s; the file stays.", r.existing.GitHubTokenFile)
	default:
		return ""
	}
}
