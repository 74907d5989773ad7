package architecture

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"`)
	target = regexp.MustCompile(`(?m)^([a-z][a-z-]*):.*## .+$`)
	making = regexp.MustCompile(`(?m)^\s*make ([a-z-]+)`)
	rule   = regexp.MustCompile(`\b[Rr]ules? (\d+\.\d+)\b`)
	ruled  = regexp.MustCompile(`(?m)^- \*\*(\d+\.\d+)\*\*`)
)

// DeadLinks returns the relative links of Markdown documents that lead to no file of the module.
func DeadLinks(module fs.FS, documents []Document) []string {
	var found []string
	for _, d := range documents {
		for _, m := range link.FindAllStringSubmatch(d.Text, -1) {
			to, _, _ := strings.Cut(m[1]+m[2], "#")
			if to == "" || strings.Contains(to, ":") {
				continue
			}
			file := path.Join(path.Dir(d.Path), to)
			if !fs.ValidPath(file) {
				found = append(found, fmt.Sprintf("%s links to %s, outside of the project", d.Path, to))
				continue
			}
			if _, err := fs.Stat(module, file); err != nil {
				found = append(found, fmt.Sprintf("%s links to %s, which does not exist", d.Path, to))
			}
		}
	}
	return found
}

// UnknownTargets returns the make targets that documents tell people to run and that the Makefile does not have, or has
// without a help text.
func UnknownTargets(makefile string, documents []Document) []string {
	known := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(makefile, -1) {
		known[m[1]] = true
	}
	var found []string
	for _, d := range documents {
		for _, b := range Blocks(d) {
			for _, m := range making.FindAllStringSubmatch(b.Text, -1) {
				if !known[m[1]] {
					found = append(found,
						fmt.Sprintf("%s:%d tells people to run `make %s`, which the Makefile does not explain", d.Path, b.Line, m[1]))
				}
			}
		}
	}
	return found
}

// Orphans returns the Markdown documents below docs that no document links to: nobody would find them.
func Orphans(documents []Document) []string {
	linked := map[string]bool{}
	for _, d := range documents {
		for _, m := range link.FindAllStringSubmatch(d.Text, -1) {
			to, _, _ := strings.Cut(m[1]+m[2], "#")
			linked[path.Join(path.Dir(d.Path), to)] = true
		}
	}
	var found []string
	for _, d := range documents {
		if within(d.Path, "docs") && !linked[d.Path] {
			found = append(found, d.Path+" is linked from no document: nobody will find it")
		}
	}
	return found
}

// UnknownRules returns the places that name a rule which the protocol does not have.
func UnknownRules(protocol string, documents []Document) []string {
	known := map[string]bool{}
	for _, m := range ruled.FindAllStringSubmatch(protocol, -1) {
		known[m[1]] = true
	}
	var found []string
	for _, d := range documents {
		for i, line := range strings.Split(d.Text, "\n") {
			for _, m := range rule.FindAllStringSubmatch(line, -1) {
				if !known[m[1]] {
					found = append(found, fmt.Sprintf("%s:%d names rule %s, which docs/protocol.md does not have", d.Path, i+1, m[1]))
				}
			}
		}
	}
	return found
}
