package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// Source is one parsed Go file, for whatever platform it is.
type Source struct {
	Path  string // within the module
	Lines int
	File  *ast.File
	set   *token.FileSet
}

// Test says whether the file holds tests.
func (s Source) Test() bool { return strings.HasSuffix(s.Path, "_test.go") }

// At describes a place in the file: "internal/fleet/job.go:12".
func (s Source) At(p token.Pos) string { return fmt.Sprintf("%s:%d", s.Path, s.set.Position(p).Line) }

// Sources parses all Go files of the module.
func Sources(module fs.FS) ([]Source, error) {
	var sources []Source
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || (strings.HasPrefix(entry.Name(), ".") && name != ".")):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(module, name)
		if err != nil {
			return fmt.Errorf("reading source: %w", err)
		}
		s, err := Parse(name, text)
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the module's sources: %w", err)
	}
	return sources, nil
}

// Parse reads one file.
func Parse(name string, text []byte) (Source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return Source{}, fmt.Errorf("parsing source: %w", err)
	}
	return Source{Path: name, Lines: bytes.Count(text, []byte("\n")), File: file, set: set}, nil
}
