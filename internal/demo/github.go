package demo

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// The simulated repository and who acts there.
const (
	owner      = "acme"
	repository = "demo"
	fullName   = owner + "/" + repository
	appID      = 4711
	keyBits    = 2048
)

// headerTimeout bounds how long a connection to the simulated GitHub may take to say what it wants.
const headerTimeout = 10 * time.Second

// gitHub is the simulated GitHub on a port of this machine.
type gitHub struct {
	*githubsim.Simulator
	url    string
	secret string // of webhooks
	server *http.Server
	env    []string // the server's credentials
}

// startGitHub opens the simulated GitHub and puts the server's credentials into folder.
func startGitHub(ctx context.Context, o Options, folder string) (*gitHub, error) {
	random := seam.Crypto{}
	const secretBytes = 16
	g := &gitHub{secret: random.Token(secretBytes)}
	options := githubsim.Options{
		Repositories: []githubsim.RepositorySpec{{
			Owner: owner, Name: repository, Private: true, Organization: true, Files: map[string]string{"README.md": "# Demo\n"},
		}},
	}
	if o.Token {
		token := "ghp_" + random.Token(secretBytes)
		options.PersonalTokens = []githubsim.PersonalToken{{Token: token, Login: "octocat"}}
		g.env = append(g.env, "RUNS_FLEET_GITHUB_TOKEN="+token)
	} else {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, fmt.Errorf("making the App's key: %w", err)
		}
		path := filepath.Join(folder, "app.pem")
		block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
		if err := os.WriteFile(path, block, 0o600); err != nil {
			return nil, fmt.Errorf("writing the App's key: %w", err)
		}
		options.App = &githubsim.App{ID: appID, PublicKey: &key.PublicKey}
		g.env = append(g.env, fmt.Sprintf("RUNS_FLEET_GITHUB_APP_ID=%d", appID), "RUNS_FLEET_GITHUB_APP_KEY_FILE="+path)
	}
	if !o.Poll {
		g.env = append(g.env, "RUNS_FLEET_WEBHOOK_SECRET="+g.secret)
	}
	simulator, err := githubsim.New(options)
	if err != nil {
		return nil, fmt.Errorf("starting the simulated GitHub: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		simulator.Close()
		return nil, fmt.Errorf("opening a port for the simulated GitHub: %w", err)
	}
	g.Simulator, g.url = simulator, "http://"+listener.Addr().String()
	simulator.SetBaseURL(g.url)
	g.server = &http.Server{Handler: simulator.Handler(), ReadHeaderTimeout: headerTimeout}
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

// deliverTo makes GitHub send webhooks to the server.
func (g *gitHub) deliverTo(server string) {
	g.SetWebhook(githubsim.Webhook{URL: server + "/webhook", Secret: g.secret})
}

// start commits a workflow and starts a run of it.
func (g *gitHub) start(w workflow) (simclient.Run, error) {
	path := ".github/workflows/" + w.file
	if _, err := g.Commit(simclient.File{Repository: fullName, Path: path, Content: w.content, Message: "Add " + w.file}); err != nil {
		return simclient.Run{}, fmt.Errorf("committing %s: %w", w.file, err)
	}
	run, err := g.Dispatch(simclient.Dispatch{Repository: fullName, Path: path})
	if err != nil {
		return simclient.Run{}, fmt.Errorf("starting a run of %s: %w", w.file, err)
	}
	return run, nil
}

func (g *gitHub) close() {
	_ = g.server.Close()
	g.Close()
}
