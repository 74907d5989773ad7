package faultrun

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
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const (
	repository = "acme/shop"
	appID      = 4711
	keyBits    = 2048
	speedup    = 4     // of GitHub's slow clocks: a job whose runner is lost fails after 2.5 minutes, not 10
	coreLimit  = 15000 // calls an hour, as GitHub gives an installation of a large organisation

	headerTimeout = 10 * time.Second
)

// gitHub is the simulated GitHub.
type gitHub struct {
	*githubsim.Simulator

	url    string
	secret string
	env    []string
	server *http.Server
}

// troubled are the faults of GitHub in a run.
func troubled() githubsim.Faults {
	return githubsim.Faults{
		WebhookLost: 0.05, WebhookNeverAttempted: 0.005, WebhookDelayed: 0.05, WebhookDelay: githubsim.Duration(20 * time.Second),
		WebhookRepeated: 0.02, WebhookReordered: 0.02, CompletedNeverSent: 0.01, //nolint:mnd // rates
		ServerError:       map[string]float64{"*": 0.01},
		ErrorAfterSuccess: map[string]float64{"*": 0.005},
	}
}

func startGitHub(ctx context.Context, folder string) (*gitHub, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making the App's key: %w", err)
	}
	path := filepath.Join(folder, "app.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		return nil, fmt.Errorf("writing the App's key: %w", err)
	}
	const secretBytes = 16
	g := &gitHub{secret: seam.Crypto{}.Token(secretBytes)}
	g.env = []string{
		fmt.Sprintf("RUNS_FLEET_GITHUB_APP_ID=%d", appID), "RUNS_FLEET_GITHUB_APP_KEY_FILE=" + path, "RUNS_FLEET_WEBHOOK_SECRET=" + g.secret,
	}
	g.Simulator, err = githubsim.New(githubsim.Options{
		Speedup: speedup, App: &githubsim.App{ID: appID, PublicKey: &key.PublicKey}, Limits: githubsim.Limits{Core: coreLimit},
		Repositories: []githubsim.RepositorySpec{{Owner: "acme", Name: "shop", Private: true, Organization: true, Files: workflows()}},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the simulated GitHub: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		g.Close()
		return nil, fmt.Errorf("opening a port for the simulated GitHub: %w", err)
	}
	g.url = "http://" + listener.Addr().String()
	g.SetBaseURL(g.url)
	g.server = &http.Server{Handler: g.Handler(), ReadHeaderTimeout: headerTimeout}
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

func (g *gitHub) close() {
	_ = g.server.Close()
	g.Close()
}
