package architecture_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/architecture"
)

// root returns the module's root folder, and its files.
func root(t *testing.T) (string, fs.FS) {
	t.Helper()
	dir, err := architecture.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir, os.DirFS(dir)
}

func packages(t *testing.T) []architecture.Package {
	t.Helper()
	dir, _ := root(t)
	list, err := architecture.Packages(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("only %d packages were found in %s", len(list), dir)
	}
	return list
}

func sources(t *testing.T) []architecture.Source {
	t.Helper()
	_, module := root(t)
	list, err := architecture.Sources(module)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("only %d source files were found", len(list))
	}
	return list
}

// none fails with each violation of a rule.
func none(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}
