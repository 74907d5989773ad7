// Package assets is what browsers fetch besides pages: scripts, the style sheet and the icon, each under an address that
// names its content, so that browsers may keep it for ever and never mix the files of two versions.
package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

//go:embed files
var files embed.FS

// Prefix is where assets are served.
const Prefix = "/static/"

// hashed is how many characters of the checksum an address has.
const hashed = 12

// Assets knows the files by their addresses.
type Assets struct {
	address map[string]string // by the file's name
	content map[string]file   // by address
}

type file struct {
	kind string
	body []byte
}

// New reads the files that are part of the program.
func New() *Assets {
	a := &Assets{address: map[string]string{}, content: map[string]file{}}
	entries, err := files.ReadDir("files")
	if err != nil { // the folder is part of the program
		panic("assets: " + err.Error())
	}
	for _, e := range entries {
		body, err := files.ReadFile("files/" + e.Name())
		if err != nil { // as above
			panic("assets: " + err.Error())
		}
		address := Prefix + withHash(e.Name(), body)
		a.address[e.Name()] = address
		a.content[address] = file{kindOf(e.Name()), body}
	}
	return a
}

// withHash puts the content's checksum before the name's extension.
func withHash(name string, body []byte) string {
	sum := sha256.Sum256(body)
	extension := path.Ext(name)
	return strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:])[:hashed] + extension
}

// kindOf does not ask the machine's own table of types, which differs from machine to machine.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.FormatMediaType("text/plain", map[string]string{"charset": "utf-8"})
	}
}

// URL is the address of a file. A name that does not exist is a mistake in a template, which tests find.
func (a *Assets) URL(name string) string {
	address, ok := a.address[name]
	if !ok {
		panic("assets: there is no " + name)
	}
	return address
}

// ServeHTTP serves a file. An address that is none, or that of another version, is 404 and not some page: a browser must
// not take one for a style sheet.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.content[r.URL.Path]
	if !ok {
		problem.Write(w, http.StatusNotFound, "there is no such file; a page that names it is of another version: load it again")
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(f.body) // the browser has gone if this fails
}
