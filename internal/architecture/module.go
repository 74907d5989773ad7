package architecture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ModulePath is this module's import path.
const ModulePath = "github.com/runs-fleet/runs-fleet"

// Package is a package as `go list` describes it.
type Package struct {
	ImportPath string
	Imports    []string
	// Deps are all packages that this one contains, its own imports and theirs.
	Deps []string
}

// Rel is the package's path within the module: "internal/fleet".
func (p Package) Rel() string { return strings.TrimPrefix(p.ImportPath, ModulePath+"/") }

// Packages lists the packages of the module whose root folder is root.
func Packages(ctx context.Context, root string) ([]Package, error) {
	list := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w: %s", err, stderr.String())
	}
	var packages []Package
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		packages = append(packages, p)
	}
}

// Root finds the module's root folder from the working directory, upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module's root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the module's root: no go.mod in any folder above")
		}
		dir = parent
	}
}

// within says whether path is prefix or below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
