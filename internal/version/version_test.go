package version_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/version"
)

const hash = "0123456789abcdef0123456789abcdef01234567"

func TestFrom(t *testing.T) {
	for name, test := range map[string]struct {
		build debug.BuildInfo
		want  version.Info
		line  string
	}{
		"a release": {
			build: debug.BuildInfo{
				Main: debug.Module{Version: "v1.2.3"},
				Settings: []debug.BuildSetting{
					{Key: "vcs.revision", Value: hash},
					{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
					{Key: "vcs.modified", Value: "false"},
				},
			},
			want: version.Info{Version: "v1.2.3", Commit: hash, Committed: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			line: "runs-fleet v1.2.3 (commit 0123456789ab, GO, PLATFORM)",
		},
		"a changed checkout": {
			build: debug.BuildInfo{
				Main: debug.Module{Version: "v1.2.4-0.20260102030405-0123456789ab+dirty"},
				Settings: []debug.BuildSetting{
					{Key: "vcs.revision", Value: hash},
					{Key: "vcs.modified", Value: "true"},
				},
			},
			want: version.Info{Version: "v1.2.4-0.20260102030405-0123456789ab+dirty", Commit: hash, Modified: true},
			line: "runs-fleet v1.2.4-0.20260102030405-0123456789ab+dirty (commit 0123456789ab, modified, GO, PLATFORM)",
		},
		"no version control": {
			build: debug.BuildInfo{Main: debug.Module{Version: "(devel)"}},
			want:  version.Info{Version: version.Development},
			line:  "runs-fleet development (GO, PLATFORM)",
		},
		"nothing recorded": {
			want: version.Info{Version: version.Development},
			line: "runs-fleet development (GO, PLATFORM)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := version.From(&test.build)
			test.want.Go, test.want.OS, test.want.Arch = runtime.Version(), runtime.GOOS, runtime.GOARCH
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("wrong reading (-want +got):\n%s", diff)
			}
			got.Go, got.OS, got.Arch = "GO", "PLAT", "FORM"
			line := test.line[:len(test.line)-len("PLATFORM)")] + "PLAT/FORM)"
			if got.String() != line {
				t.Errorf("line is %q, want %q", got.String(), line)
			}
		})
	}
}

func TestCurrentNamesTheToolchain(t *testing.T) {
	if got := version.Current(); got.Go != runtime.Version() || got.Version == "" {
		t.Errorf("the running binary is described as %+v", got)
	}
}
