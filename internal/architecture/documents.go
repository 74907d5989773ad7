package architecture

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Document is a text file of the module.
type Document struct {
	Path string
	Text string
}

// Documents reads all files with one of the extensions, outside of hidden folders (.github excepted), bin and testdata.
func Documents(module fs.FS, extensions ...string) ([]Document, error) {
	var documents []Document
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := strings.HasPrefix(entry.Name(), ".") && name != "." && name != ".github"
			if hidden || name == "bin" || entry.Name() == "testdata" || entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		for _, e := range extensions {
			if path.Ext(name) != e {
				continue
			}
			text, err := fs.ReadFile(module, name)
			if err != nil {
				return fmt.Errorf("reading document: %w", err)
			}
			documents = append(documents, Document{Path: name, Text: string(text)})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the module's documents: %w", err)
	}
	return documents, nil
}

// Block is a fenced block of a Markdown document.
type Block struct {
	Document string
	Line     int      // of its first line of text
	Info     []string // the words after the opening fence: language, then marks of ours
	Text     string
}

// Is says whether the block has this language and, if any are given, all of these marks.
func (b Block) Is(language string, marks ...string) bool {
	if len(b.Info) == 0 || b.Info[0] != language {
		return false
	}
	for _, mark := range marks {
		if !strings.Contains(" "+strings.Join(b.Info[1:], " ")+" ", " "+mark+" ") {
			return false
		}
	}
	return true
}

// Blocks returns the fenced blocks of a document in their order.
func Blocks(d Document) []Block {
	var blocks []Block
	var open *Block
	for i, line := range strings.Split(d.Text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```") && open == nil:
			open = &Block{Document: d.Path, Line: i + 2, Info: strings.Fields(strings.TrimLeft(trimmed, "`"))}
		case strings.HasPrefix(trimmed, "```"):
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += line + "\n"
		}
	}
	return blocks
}
