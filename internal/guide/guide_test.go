package guide_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

func blocks(t *testing.T, document string) []architecture.Block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), document))
	if err != nil {
		t.Fatal(err)
	}
	return architecture.Blocks(architecture.Document{Path: document, Text: string(text)})
}

// TestTheGuideWorks runs the guide's blocks, with a token and with an App.
func TestTheGuideWorks(t *testing.T) {
	for _, way := range []string{"token", "app"} {
		t.Run(way, func(t *testing.T) {
			r := newReader(t)
			for _, block := range blocks(t, "docs/guide.md") {
				if !block.Is("sh", "guide") {
					t.Fatalf("%s:%d: a block that no test runs: %v", block.Document, block.Line, block.Info)
				}
				r.follow(block, way)
			}
			r.nothingLeft()
		})
	}
}

// TestTheReadmeWorks runs the README's way to a first server. Its other commands are make's, and those that need no GitHub.
func TestTheReadmeWorks(t *testing.T) {
	r := newReader(t)
	r.env = append(r.env, "RUNS_FLEET_CONFIG="+filepath.Join(r.home, ".config/runs-fleet/settings.yml")) // root's would be elsewhere
	for _, block := range blocks(t, "README.md") {
		switch {
		case block.Is("sh", "guide"):
			r.follow(block, "token")
		case block.Is("sh") && !block.Is("sh", "test") && !strings.HasPrefix(block.Text, "make "):
			t.Errorf("%s:%d: a block that no test runs: %v", block.Document, block.Line, block.Info)
		}
	}
	r.dispatch("on: workflow_dispatch\njobs:\n  hello:\n    runs-on: runs-fleet=${{ github.run_id }}/cpu=2\n    steps:\n      - run: echo hello\n")
	r.await(time.Minute, "the job has ended well and its runner is gone", func() bool {
		return r.ended() && strings.Contains(r.cli("jobs"), "success")
	})
	r.stop()
	r.nothingLeft()
}

// follow does what the guide says, and what it says that happens then.
func (r *reader) follow(block architecture.Block, way string) {
	r.t.Helper()
	switch mark := strings.Join(slices.Concat(block.Info[2:]), " "); mark {
	case "":
		r.run(block, "")
	case "token":
		if way == mark {
			r.installRunner()
			r.run(block, token+"\n")
		}
	case "app":
		if way == mark {
			r.installRunner()
			r.createApp(block)
		}
	case "background":
		r.serve(block)
	case "clone":
		r.run(block, "")
		r.pushed()
	case "job":
		r.await(time.Minute, "the job is listed", func() bool { return strings.Contains(r.run(block, ""), "hello") })
	case "done":
		r.await(time.Minute, "the job has ended well and its runner is gone", func() bool {
			return r.ended() && strings.Contains(r.run(block, ""), "success")
		})
	case "stop":
		r.run(block, "")
		r.stop()
	default:
		r.t.Fatalf("%s:%d: nobody knows what to do with a block marked %q", block.Document, block.Line, mark)
	}
}
