package architecture

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// Stateful returns init functions and package-level variables. Both make what a package does depend on who else runs in
// the process, which a simulation of several replicas in one process cannot bear. Variables that nobody can mean to change
// are allowed: sentinel errors, guards (`var _ I = T{}`), compiled regular expressions, and embedded files.
func Stateful(sources []Source) []string {
	var found []string
	for _, s := range sources {
		if s.Test() {
			continue
		}
		for _, d := range s.File.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					found = append(found, s.At(d.Pos())+": no init functions: do it where it is needed, or in main")
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					found = append(found, variables(s, d)...)
				}
			}
		}
	}
	return found
}

func variables(s Source, d *ast.GenDecl) []string {
	var found []string
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || embedded(d.Doc) || embedded(v.Doc) {
			continue
		}
		for i, name := range v.Names {
			if name.Name == "_" || (i < len(v.Values) && constant(v.Values[i])) {
				continue
			}
			found = append(found, fmt.Sprintf("%s: no package-level variables: make %s a constant, a function or a field",
				s.At(name.Pos()), name.Name))
		}
	}
	return found
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// constant says whether a value is one that nobody changes.
func constant(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch selected(call.Fun) {
	case "errors.New", "fmt.Errorf", "regexp.MustCompile":
		return true
	default:
		return false
	}
}
