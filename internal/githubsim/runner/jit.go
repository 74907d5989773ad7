package runner

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The files of a configured runner, in its root folder.
const (
	registrationFile = ".runner"
	credentialsFile  = ".credentials"
	keyFile          = ".credentials_rsaparams"
)

// errNotConfigured means that the root folder holds no registration and none was given.
var errNotConfigured = errors.New("not configured")

// Registration is what a runner knows of itself: who it is, and where and how it asks for a job.
type Registration struct {
	AgentID    int64  `json:"agentId"`
	AgentName  string `json:"agentName"`
	ServerURL  string `json:"serverUrl"`
	GitHubURL  string `json:"gitHubUrl"`
	WorkFolder string `json:"workFolder"`
	Ephemeral  bool   `json:"ephemeral"`

	token string // the bearer of every call; in the file of credentials, not in that of the registration
}

type credentials struct {
	Scheme string `json:"scheme"`
	Data   struct {
		ClientID string `json:"clientId"`
		Token    string `json:"token"`
	} `json:"data"`
}

// configure writes the files of a JIT configuration, as the official runner does before it starts listening.
func configure(root, jit string) error {
	blob, err := base64.StdEncoding.DecodeString(jit)
	if err != nil {
		return fmt.Errorf("decoding the JIT config: %w", err)
	}
	var files map[string]string
	if err := json.Unmarshal(blob, &files); err != nil {
		return fmt.Errorf("parsing the JIT config: %w", err)
	}
	for _, name := range []string{registrationFile, credentialsFile, keyFile} {
		content, err := base64.StdEncoding.DecodeString(files[name])
		if err != nil || len(content) == 0 {
			return fmt.Errorf("the JIT config holds no usable %s", name)
		}
		if err := os.WriteFile(filepath.Join(root, name), content, 0o600); err != nil {
			return fmt.Errorf("writing the runner's configuration: %w", err)
		}
	}
	return nil
}

// readRegistration reads the files of a configured runner.
func readRegistration(root string) (Registration, error) {
	var reg Registration
	var cred credentials
	for name, into := range map[string]any{registrationFile: &reg, credentialsFile: &cred} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			return Registration{}, errNotConfigured
		}
		if err != nil {
			return Registration{}, fmt.Errorf("reading the runner's configuration: %w", err)
		}
		if err := json.Unmarshal(content, into); err != nil {
			return Registration{}, fmt.Errorf("parsing %s: %w", name, err)
		}
	}
	reg.token = cred.Data.Token
	if reg.ServerURL == "" || reg.token == "" {
		return Registration{}, fmt.Errorf("%w: %s names no server or %s no token", errNotConfigured, registrationFile, credentialsFile)
	}
	if reg.WorkFolder == "" {
		reg.WorkFolder = "_work"
	}
	return reg, nil
}
