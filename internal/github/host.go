package github

import (
	"fmt"
	"net/url"
	"strings"
)

// HostOf returns the GitHub host behind an API address, as fleet.Repository carries it: github.com for
// https://api.github.com, example.ghe.com for https://api.example.ghe.com, otherwise the address's own host and port.
func HostOf(baseURL string) (string, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return "", err
	}
	return hostOf(base), nil
}

// parseBase accepts an API address with or without its last slash.
func parseBase(raw string) (*url.URL, error) {
	if raw == "" {
		raw = DefaultBaseURL
	}
	base, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's API address: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("GitHub's API address %q: want https://api.github.com, or https://HOST/api/v3 for an Enterprise Server",
			base.Redacted())
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("GitHub's API address %q: user, query and fragment have no place in it", base.Redacted())
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	return base, nil
}

func hostOf(base *url.URL) string {
	host := strings.ToLower(base.Host)
	if rest, ok := strings.CutPrefix(host, "api."); ok && (rest == "github.com" || strings.HasSuffix(rest, ".ghe.com")) {
		return rest
	}
	return host
}

// WebURL returns the address of GitHub for browsers and runners behind an API address: github.com has its API on a host of its
// own, an Enterprise Server under /api/v3.
func WebURL(baseURL string) (string, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return "", err
	}
	return base.Scheme + "://" + hostOf(base), nil
}
