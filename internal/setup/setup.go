// Package setup makes a server able to talk to GitHub: it leads a person through the creation of a GitHub App, or takes a
// personal access token, looks whether GitHub accepts it, and writes the settings that a server needs. Secrets go into files
// of their own, which only their user can read; none is shown, logged or taken as an argument. Running it again is safe: what
// exists is used, and nothing is overwritten that could not be made again.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// Options say what to set up.
type Options struct {
	// Dir is the folder of the settings file and of the files with secrets.
	Dir string
	// GitHubURL is the address of GitHub's REST API.
	GitHubURL string
	// Repositories are what the server shall serve, as owner/name. An App needs none: it is asked where it is installed.
	Repositories []string

	// Organization owns the App; empty for the person who creates it.
	Organization string
	// ExternalURL is the public address of the server for webhooks; empty to look for jobs without any.
	ExternalURL string
	// Listen is the loopback address that the browser comes back to.
	Listen string
	// Again makes a new App although the settings name one.
	Again bool

	// TokenFile holds the personal access token; it is asked for when empty.
	TokenFile string
}

// Dialogue is how the person is spoken with.
type Dialogue struct {
	In  io.Reader
	Out io.Writer
	// ReadSecret reads a line from the terminal without showing it; nil when In is no terminal.
	ReadSecret func() (string, error)
	Clock      seam.Clock
	Random     seam.Random
	// Transport carries calls to GitHub; nil for the usual one.
	Transport http.RoundTripper
	UserAgent string
}

// Outcome is what a server can use now.
type Outcome struct {
	Settings     string   `json:"settings"` // the settings file
	Files        []string `json:"files"`    // with secrets
	AppID        string   `json:"app_id,omitempty"`
	InstallURL   string   `json:"install_url,omitempty"`
	Repositories []string `json:"repositories"`
	// Replaced says in a sentence which credential the settings named before.
	Replaced string `json:"replaced,omitempty"`
}

// Errors that a person can do something about.
var (
	// ErrNoRepository means that a token was given without what it is for.
	ErrNoRepository = errors.New("a personal token serves repositories that are named: add --repository owner/name")
	// ErrRefused means that GitHub does not accept the token, that it lacks a permission, or that GitHub cannot be asked.
	ErrRefused = errors.New("this token cannot be used, for the reasons above; nothing was written")
)

// SettingsFile is the name of the settings file in the folder of Options.
const SettingsFile = "settings.yml"

// run is one set-up.
type run struct {
	Options
	Dialogue
	files    folder
	existing settings.Settings // what the settings file says before
}

func begin(o Options, d Dialogue) (*run, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of the settings: %w", err)
	}
	o.Dir = dir
	r := &run{Options: o, Dialogue: d, files: folder(dir)}
	if err := r.files.prepare(); err != nil {
		return nil, err
	}
	r.existing, err = r.files.settings()
	return r, err
}

func (r *run) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.Out, format+"\n", args...) // a person who cannot be spoken to sees nothing anyway
}

// pause lets GitHub's person act between two looks.
func (r *run) pause(ctx context.Context) error {
	if err := r.Clock.Sleep(ctx, lookEvery); err != nil {
		return fmt.Errorf("waiting: %w", err)
	}
	return nil
}
