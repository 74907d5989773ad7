package github_test

import (
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/github"
)

func TestWebURL(t *testing.T) { // failure mode M24
	for api, want := range map[string]string{
		"https://api.github.com": "https://github.com", "https://ghes.example/api/v3": "https://ghes.example",
		"https://api.acme.ghe.com": "https://acme.ghe.com", "http://127.0.0.1:9000/api/v3": "http://127.0.0.1:9000",
	} {
		if got, err := github.WebURL(api); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", api, got, err, want)
		}
	}
	if _, err := github.WebURL("not an address"); err == nil {
		t.Error("an address that is none has no web address")
	}
}
