package architecture

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// FailureMode is a row of docs/failure-modes.md: what has happened to fleets, and what keeps it from happening here.
type FailureMode struct {
	ID    string
	Cover string // tests, "by construction: ..." or "open: ..."
	Line  int
}

// Tests returns the tests that the row names, each as "package TestName"; none if it says something else.
func (f FailureMode) Tests() []string {
	if f.constructed() || f.open() {
		return nil
	}
	var tests []string
	for _, m := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(f.Cover, -1) {
		tests = append(tests, m[1])
	}
	return tests
}

func (f FailureMode) constructed() bool { return strings.HasPrefix(f.Cover, "by construction: ") }
func (f FailureMode) open() bool        { return strings.HasPrefix(f.Cover, "open: ") }

// FailureModes reads the rows of the document.
func FailureModes(text string) []FailureMode {
	row := regexp.MustCompile(`^\| ([A-Z][0-9]+) \| .+ \| .+ \| (.+) \|$`)
	var rows []FailureMode
	for i, line := range strings.Split(text, "\n") {
		if m := row.FindStringSubmatch(line); m != nil {
			rows = append(rows, FailureMode{ID: m[1], Cover: m[2], Line: i + 1})
		}
	}
	return rows
}

// Uncovered returns what is wrong with the rows: an id that is missing or comes twice, a test or a file that does not exist, a
// test that does not name the failure that it is said to cover, and a comment in the code whose row is missing.
func Uncovered(module fs.FS, text string, sources []Source) []string {
	rows := FailureModes(text)
	claims := claimed(sources)
	tests := map[string]bool{}
	for _, s := range sources {
		for _, f := range testsOf(s) {
			tests[testName(s, f)] = true
		}
	}
	found := misnumbered(rows)
	known := map[string]bool{}
	for _, r := range rows {
		known[r.ID] = true
		found = append(found, uncovered(module, r, tests, claims)...)
	}
	for _, c := range claims {
		if !known[c.id] {
			found = append(found, fmt.Sprintf("%s names failure mode %s, which docs/failure-modes.md does not have", c.at, c.id))
		}
	}
	return found
}

// misnumbered finds ids out of their order: the letters follow each other, and the numbers of each begin with 1.
func misnumbered(rows []FailureMode) []string {
	letter, number := byte('A'), 0
	for _, r := range rows {
		n, _ := strconv.Atoi(r.ID[1:]) // digits, by the expression that found them
		follows := r.ID[0] == letter && n == number+1
		begins := r.ID[0] == letter+1 && n == 1 && number > 0
		if !follows && !begins {
			return []string{fmt.Sprintf("docs/failure-modes.md:%d: %s does not follow %c%d", r.Line, r.ID, letter, number)}
		}
		letter, number = r.ID[0], n
	}
	return nil
}

func uncovered(module fs.FS, r FailureMode, tests map[string]bool, claims []claim) []string {
	var found []string
	say := func(format string, args ...any) {
		found = append(found, fmt.Sprintf("docs/failure-modes.md:%d: %s ", r.Line, r.ID)+fmt.Sprintf(format, args...))
	}
	switch {
	case r.open():
	case r.constructed():
		paths := regexp.MustCompile("`([a-z]+/[^` ]+)`").FindAllStringSubmatch(r.Cover, -1)
		if len(paths) == 0 {
			say("says by construction and names no file")
		}
		for _, p := range paths {
			if _, err := fs.Stat(module, p[1]); err != nil {
				say("names %s, which does not exist", p[1])
			}
		}
	case !regexp.MustCompile("^`[^`]+`(, `[^`]+`)*$").MatchString(r.Cover):
		say("is covered neither by tests, nor by construction, nor open")
	default:
		for _, name := range r.Tests() {
			if !tests[name] {
				say("names the test %q, which does not exist", name)
			} else if !slices.ContainsFunc(claims, func(c claim) bool { return c.id == r.ID && (c.test == name || c.suite) }) {
				say("names the test %q, which does not say `failure mode %s`", name, r.ID)
			}
		}
	}
	return found
}

// claim is a comment that names a failure mode.
type claim struct {
	id, at string
	test   string // "package TestName" of the test that it is part of, or empty
	suite  bool   // it is in a suite that tests of other packages run
}

// claimed collects the comments that name failure modes.
func claimed(sources []Source) []claim {
	words := regexp.MustCompile(`(?i)failure modes? ([A-Z][0-9]+(?:(?:, | and )[A-Z][0-9]+)*)`)
	id := regexp.MustCompile(`[A-Z][0-9]+`)
	var claims []claim
	for _, s := range sources {
		if strings.HasPrefix(s.Path, "internal/architecture/") {
			continue
		}
		for _, group := range s.File.Comments {
			for _, m := range words.FindAllStringSubmatch(strings.Join(strings.Fields(text(group)), " "), -1) {
				for _, one := range id.FindAllString(m[1], -1) {
					claims = append(claims, claim{id: one, at: s.At(group.Pos()), test: testAround(s, group.Pos(), group.End()), suite: suite(s)})
				}
			}
		}
	}
	return claims
}

// text is a comment's text as it stands, with directives.
func text(group *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range group.List {
		b.WriteString(strings.TrimPrefix(c.Text, "//") + " ")
	}
	return b.String()
}

// suite says whether the file is part of a suite that backends share: its package's name ends in "test".
func suite(s Source) bool { return !s.Test() && strings.HasSuffix(s.File.Name.Name, "test") }

// testAround names the test that holds a comment, in its body or as its own.
func testAround(s Source, from, to token.Pos) string {
	for _, f := range testsOf(s) {
		begins := f.Pos()
		if f.Doc != nil {
			begins = f.Doc.Pos()
		}
		ends := f.End()
		line := s.set.Position(ends).Line
		if from >= begins && (to <= ends || s.set.Position(from).Line <= line) {
			return testName(s, f)
		}
	}
	return ""
}

func testsOf(s Source) []*ast.FuncDecl {
	if !s.Test() {
		return nil
	}
	var tests []*ast.FuncDecl
	for _, d := range s.File.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			tests = append(tests, f)
		}
	}
	return tests
}

// testName is how a row names a test: the package below internal, and the test.
func testName(s Source, f *ast.FuncDecl) string {
	folder := s.Path[:strings.LastIndexByte(s.Path, '/')]
	return strings.TrimPrefix(folder, "internal/") + " " + f.Name.Name
}
