package github

import (
	"context"
	"fmt"
	"regexp"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Download is one package of the official runner.
type Download struct {
	OS       string // "linux", "win", "osx"
	Arch     string // "x64", "arm64", "arm"
	Version  string // "2.337.0", read from the file's name; empty if it names none
	URL      string
	Filename string
	SHA256   string // hexadecimal; empty if GitHub gives none
}

var downloadVersion = regexp.MustCompile(`-(\d+\.\d+\.\d+)\.(?:tar\.gz|zip)$`)

// Downloads lists the packages of the newest official runner.
func (c *Client) Downloads(ctx context.Context, repository fleet.Repository) ([]Download, error) {
	k := read("listing the official runner's downloads", repository, grantRunner, laneRunners)
	if err := checkNames(repository); err != nil {
		return nil, fmt.Errorf("%s: %w", k.doing, err)
	}
	var found []*gh.RunnerApplicationDownload
	_, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		found, resp, err = c.api.Actions.ListRunnerApplicationDownloads(ctx, repository.Owner, repository.Name)
		return resp, err
	})
	if err != nil {
		return nil, err
	}
	downloads := make([]Download, 0, len(found))
	for _, d := range found {
		one := Download{
			OS: d.GetOS(), Arch: d.GetArchitecture(), URL: d.GetDownloadURL(), Filename: d.GetFilename(), SHA256: d.GetSHA256Checksum(),
		}
		if m := downloadVersion.FindStringSubmatch(one.Filename); m != nil {
			one.Version = m[1]
		}
		downloads = append(downloads, one)
	}
	return downloads, nil
}
