package githubsim

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// appManifest describes an App that a person is asked to create (GitHub's documentation, "Registering a GitHub App from a
// manifest").
type appManifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Hook        *manifestHook     `json:"hook_attributes"`
	RedirectURL string            `json:"redirect_url"`
	Description string            `json:"description"`
	Public      bool              `json:"public"`
	Events      []string          `json:"default_events"`
	Permissions map[string]string `json:"default_permissions"`
}

// manifestHook is the App's webhook, active unless it says otherwise.
type manifestHook struct {
	URL    string `json:"url"`
	Active *bool  `json:"active"`
}

func (h *manifestHook) active() bool { return h != nil && (h.Active == nil || *h.Active) }

// pendingApp is an App that was created in the browser and whose credentials nobody has fetched yet.
type pendingApp struct {
	manifest appManifest
	owner    string
	until    time.Time
}

// manifestLifetime is how long the code of a created App can be exchanged (GitHub's documentation).
const manifestLifetime = time.Hour

// longestAppName is what GitHub's form accepts.
const longestAppName = 34

// parseManifest reads a manifest and returns in GitHub's words what is wrong with it.
func parseManifest(text string) (m appManifest, wrong string) {
	if json.Unmarshal([]byte(text), &m) != nil {
		return m, "The configuration is not valid JSON."
	}
	switch {
	case m.URL == "", m.Hook != nil && m.Hook.URL == "":
		return m, `Error "url" wasn't supplied.`
	case !webAddress(m.URL):
		return m, "Error Url must be a valid URL."
	case m.RedirectURL == "":
		return m, `Error "redirect_url" wasn't supplied.`
	case !webAddress(m.RedirectURL):
		return m, "Error Redirect url must be a valid URL."
	case len(m.Name) > longestAppName:
		return m, "Error Name is too long (maximum is 34 characters)."
	}
	if m.Hook != nil {
		to, err := url.Parse(m.Hook.URL)
		if err != nil || !webAddress(m.Hook.URL) {
			return m, "Error Hook url must be a valid URL."
		}
		if host := to.Hostname(); host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1" {
			return m, "Error Hook url is not supported because it isn't reachable over the public Internet (localhost)."
		}
	}
	return m, wrongPermission(m)
}

// wrongPermission finds permissions that do not exist, and events that the permissions do not allow.
func wrongPermission(m appManifest) string {
	known := DefaultPermissions()
	for name, level := range m.Permissions {
		if known[name] == "" || level != "read" && level != "write" {
			return "Error Default permissions " + name + " are not included in the list or have no level " + level + "."
		}
	}
	needs := map[string]string{"workflow_job": "actions", "workflow_run": "actions", "push": "contents"}
	for _, event := range m.Events {
		if need, ok := needs[event]; !ok || m.Permissions[need] == "" {
			return "Error Default events " + event + " are not supported by permissions."
		}
	}
	return ""
}

func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
