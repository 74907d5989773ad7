package architecture

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// MaxLines is the longest file: what is longer has a second subject. Half of the files should have fewer than 140 lines.
const MaxLines = 600

// Overlong returns the files over MaxLines.
func Overlong(sources []Source) []string {
	var found []string
	for _, s := range sources {
		if s.Lines > MaxLines && !ast.IsGenerated(s.File) {
			found = append(found, fmt.Sprintf("%s has %d lines, over %d: it has more than one subject", s.Path, s.Lines, MaxLines))
		}
	}
	return found
}

// Uncommented returns the packages that do not say what they are.
func Uncommented(sources []Source) []string {
	commented := map[string]bool{}
	for _, s := range sources {
		dir := path.Dir(s.Path)
		commented[dir] = commented[dir] || (s.File.Doc != nil && !s.Test())
	}
	var found []string
	for dir, ok := range commented {
		if !ok {
			found = append(found, dir+" has no package comment: a reader needs to know what belongs there, and what does not")
		}
	}
	slices.Sort(found)
	return found
}

// Evasive returns tests that sleep or skip. A sleep is a guess that is too short on a slow machine and too long on all
// others: wait for what is to happen, or use a testing/synctest bubble with a clock that is moved. A skipped test is green
// without having tested anything: what a test needs is installed by the make target, and its absence is a failure.
func Evasive(sources []Source) []string {
	var found []string
	for _, s := range sources {
		if !s.Test() {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			switch selected(e) {
			case "time.Sleep":
				found = append(found, s.At(n.Pos())+": tests do not sleep: wait for the event itself")
			case "t.Skip", "t.Skipf", "t.SkipNow", "b.Skip", "b.Skipf", "f.Skip":
				found = append(found, s.At(n.Pos())+": tests do not skip: a test that cannot run here must fail")
			}
			return true
		})
	}
	return found
}

var blame = regexp.MustCompile(`(?i)^(failed to|error while|unable to) `)

// Blaming returns error texts that begin with "failed to" and the like. A chain of wrapped errors reads "listing runners:
// connection refused": each part says what was being done, and that it failed is known.
func Blaming(sources []Source) []string {
	var found []string
	for _, s := range sources {
		if s.Test() {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || !makesError(call) {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err == nil && blame.MatchString(text) {
				found = append(found, s.At(n.Pos())+": say what was being done, not that it failed: "+literal.Value)
			}
			return true
		})
	}
	return found
}

func makesError(call *ast.CallExpr) bool {
	name := selected(call.Fun)
	return name == "fmt.Errorf" || name == "errors.New"
}

// selected returns "a.B" for the expression a.B, and nothing for any other.
func selected(e ast.Expr) string {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	of, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return of.Name + "." + selector.Sel.Name
}
