package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// Token takes a personal access token, looks whether it suffices for the repositories, and writes it with the settings.
func Token(ctx context.Context, o Options, d Dialogue) (Outcome, error) {
	web, err := github.WebURL(o.GitHubURL)
	if err != nil {
		return Outcome{}, err
	}
	r, err := begin(o, d)
	if err != nil {
		return Outcome{}, err
	}
	if len(r.Repositories) == 0 {
		r.Repositories = r.existing.Repositories
	}
	if len(r.Repositories) == 0 {
		return Outcome{}, &settings.Error{What: ErrNoRepository.Error()}
	}
	if r.TokenFile == "" {
		r.explainToken(web)
	}
	token, err := r.readToken()
	if err != nil {
		return Outcome{}, err
	}
	if err := r.tryToken(ctx, token); err != nil {
		return Outcome{}, err
	}
	path, err := r.files.write("github-token", []byte(token.Reveal()+"\n"))
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Files: []string{path}, Repositories: r.Repositories, Replaced: r.replacedByToken()}
	out.Settings, err = r.files.change(set("github_token_file", path), change{key: "github_app_id"}, change{key: "github_app_key_file"},
		change{key: "webhook_secret_file"}, r.apiAddress(), setList("repository", r.Repositories))
	if err != nil {
		return Outcome{}, err
	}
	r.say("The token is in %s, the settings are in %s. Nobody but this user can read them.", path, out.Settings)
	return out, nil
}

// replacedByToken says nothing of a token's file that is written anew.
func (r *run) replacedByToken() string {
	if r.existing.GitHubAppID == "" {
		return ""
	}
	return r.replaced()
}

func (r *run) explainToken(web string) {
	owner, _, _ := strings.Cut(r.Repositories[0], "/")
	r.say("A personal access token acts as the person who makes it, for as long as it is valid: quick to make, good for trying and")
	r.say("for repositories of one's own. It may not write check runs, so an error in a label is told by a commit status. For an")
	r.say("organisation an App is better.\n")
	r.say("Fine-grained: choose the repositories, and %s with read and write. This page is filled in:\n\n  %s\n",
		tokenPermissions(), tokenPage(web, owner))
	r.say("Classic: the scope repo, which covers every repository that you can reach.\n")
}

// readToken takes the token from a file, from a terminal that does not show it, or from a pipe.
func (r *run) readToken() (settings.Secret, error) {
	var text string
	var err error
	switch {
	case r.TokenFile != "":
		var b []byte
		b, err = os.ReadFile(r.TokenFile)
		text = string(b)
	case r.ReadSecret != nil:
		_, _ = fmt.Fprint(r.Out, "Paste the token, which is not shown, and press Enter: ")
		text, err = r.ReadSecret()
		r.say("")
	default:
		if text, err = bufio.NewReader(r.In).ReadString('\n'); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errors.New("there is no token: give it on standard input, or its file with --token-file")
	case strings.ContainsAny(text, " \t\r\n"):
		return "", errors.New("this is no token: a token is one word, as github_pat_... is")
	}
	return settings.Secret(text), nil
}

// tryToken asks GitHub what the server will ask, before anything is written.
func (r *run) tryToken(ctx context.Context, token settings.Secret) error {
	c, err := github.New(github.Options{
		BaseURL: r.GitHubURL, Transport: r.transport(), UserAgent: r.UserAgent, Clock: r.Clock, Random: r.Random, Token: token.Reveal(),
	})
	if err != nil {
		return fmt.Errorf("asking GitHub about the token: %w", err)
	}
	var repositories []fleet.Repository
	for _, name := range r.Repositories {
		owner, repo, ok := strings.Cut(name, "/")
		if !ok {
			return &settings.Error{Where: "--repository", What: fmt.Sprintf("%q is no repository: write owner/name", name)}
		}
		repositories = append(repositories, fleet.Repository{Host: c.Host(), Owner: owner, Name: repo})
	}
	sound := true
	for _, f := range c.Check(ctx, repositories...) {
		if !f.OK {
			sound = false
			r.say("problem: GitHub: %s: %s\n         -> %s", f.Name, f.Detail, f.Remedy)
		}
	}
	if !sound {
		return ErrRefused
	}
	return nil
}
