package settings

import kept "github.com/runs-fleet/runs-fleet/internal/secret" // secret is a kind of setting here

// HasToken says whether a personal access token is set, wherever it is.
func (s Settings) HasToken() bool { return s.GitHubToken != "" || s.GitHubTokenFile != "" }

// Credential is one of the secrets that a server holds, with its place.
type Credential struct {
	Key string // of the setting that has the value, or names the place
	// Value is what the environment gave; Place is used if it is empty.
	Value Secret
	Place kept.Reference
}

// TokenCredential is the personal access token, if one is set.
func (s Settings) TokenCredential() (Credential, bool) {
	return credential("github_token", s.GitHubToken, s.GitHubTokenFile)
}

// AppKeyCredential is the private key of the GitHub App, if one is set.
func (s Settings) AppKeyCredential() (Credential, bool) {
	return credential("github_app_key", "", s.GitHubAppKeyFile)
}

// WebhookCredential is the webhook's secret, if one is set.
func (s Settings) WebhookCredential() (Credential, bool) {
	return credential("webhook_secret", s.WebhookSecret, s.WebhookSecretFile)
}

func credential(key string, value Secret, place string) (Credential, bool) {
	if place == "" {
		return Credential{Key: key, Value: value}, value != ""
	}
	// Load has refused what cannot be parsed.
	reference, err := kept.Parse(place)
	return Credential{Key: key + "_file", Place: reference}, err == nil
}

// SecretFiles are the files of this machine that hold a secret, as the settings name them.
func (s Settings) SecretFiles() []string {
	var out []string
	for _, path := range []string{s.GitHubTokenFile, s.GitHubAppKeyFile, s.WebhookSecretFile, s.APITokensFile, s.HostTokenFile} {
		if place, err := kept.Parse(path); err == nil && place.Kind == kept.File && path != "" {
			out = append(out, path)
		}
	}
	return out
}
