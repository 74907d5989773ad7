// Package version says which version of runs-fleet this binary is. It reads what the Go toolchain recorded while
// building, so that no build command has to pass anything: a build from a checkout carries the tag or the commit, one by
// `go install ...@v1.2.3` that version.
package version

import (
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Development is the version of a binary that was built from neither a tag nor a checkout.
const Development = "development"

// Info describes a build.
type Info struct {
	// Version is a release ("v1.2.3"), a pseudo-version that contains time and commit, or Development.
	Version string `json:"version"`
	// Commit is the full hash, empty if unknown; Modified says that the tree differed from it.
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	// Committed is the commit's time.
	Committed time.Time `json:"committed,omitzero"`
	Go        string    `json:"go"`
	OS        string    `json:"os"`
	Arch      string    `json:"arch"`
}

// Current describes the running binary.
func Current() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return From(build)
}

// From reads an Info out of what the toolchain recorded.
func From(build *debug.BuildInfo) Info {
	info := Info{Version: build.Main.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info.Version == "" || info.Version == "(devel)" {
		info.Version = Development
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				info.Committed = t
			}
		}
	}
	return info
}

// String is one line for people: "runs-fleet v1.2.3 (commit 0123456789ab, go1.26.1, linux/amd64)".
func (i Info) String() string {
	details := make([]string, 0, 3)
	if i.Commit != "" {
		const short = 12 // as git abbreviates in large repositories
		commit := "commit " + i.Commit[:min(short, len(i.Commit))]
		if i.Modified {
			commit += ", modified"
		}
		details = append(details, commit)
	}
	details = append(details, i.Go, i.OS+"/"+i.Arch)
	return "runs-fleet " + i.Version + " (" + strings.Join(details, ", ") + ")"
}
