package architecture_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

// commandLimit is how long one block of a document may take: nobody waits longer for an example.
const commandLimit = 2 * time.Minute

func TestDocumentedTargetsExist(t *testing.T) {
	dir, _ := root(t)
	makefile, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	none(t, architecture.UnknownTargets(string(makefile), documents(t, ".md")))

	// The two commands that the README is about.
	promised := []architecture.Document{{Path: "README.md", Text: "```sh\nmake demo\nmake test\n```\n"}}
	none(t, architecture.UnknownTargets(string(makefile), promised))
}

// TestDocumentedCommandsWork runs every block that opens with "```sh test", as a reader would: one after the other, in a
// folder of their own, with the programs in bin/ and nobody's settings.
func TestDocumentedCommandsWork(t *testing.T) {
	dir, _ := root(t)
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "./cmd/...")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the programs: %v\n%s", err, out)
	}

	ran := map[string]int{}
	for _, d := range documents(t, ".md") {
		folder := filepath.Join(t.TempDir(), "project")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{"examples", "bin"} {
			from := filepath.Join(dir, link)
			if link == "bin" {
				from = bin
			}
			if err := os.Symlink(from, filepath.Join(folder, link)); err != nil {
				t.Fatal(err)
			}
		}
		for _, block := range architecture.Blocks(d) {
			if block.Is("sh", "test") {
				ran[d.Path]++
				execute(t, block, folder, home, bin)
			}
		}
	}
	if ran["README.md"] == 0 {
		t.Error("README.md has no block that opens with ```sh test: its commands must be tried")
	}
}

func execute(t *testing.T, block architecture.Block, folder, home, bin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", block.Text)
	shell.Dir = folder
	shell.Env = []string{"HOME=" + home, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "TERM=dumb"}
	shell.WaitDelay = time.Second
	if out, err := shell.CombinedOutput(); err != nil {
		t.Errorf("%s:%d: %v\n%s\nprinted:\n%s", block.Document, block.Line, err, strings.TrimSpace(block.Text), out)
	}
}
