package bootstrap

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Path is where programs are fetched, followed by their digest. It is public: what it serves can be downloaded from the
// project's releases too.
const Path = "/agent/v1/programs/"

// Program is the agent for one architecture.
type Program struct {
	File   string
	Arch   fleet.Arch
	SHA256 string
}

// Open looks at a program: that it is one, for which architecture, and its digest (failure mode G7: a file of the right name
// proves nothing).
func Open(file string) (Program, error) {
	f, err := os.Open(file)
	if err != nil {
		return Program{}, fmt.Errorf("opening the agent: %w", err)
	}
	p, err := read(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return Program{}, fmt.Errorf("%s: %w", file, err)
	}
	p.File = file
	return p, nil
}

func read(f *os.File) (Program, error) {
	program, err := elf.NewFile(f)
	if err != nil {
		return Program{}, fmt.Errorf("it is no program for Linux: %w", err)
	}
	var p Program
	switch program.Machine {
	case elf.EM_X86_64:
		p.Arch = fleet.AMD64
	case elf.EM_AARCH64:
		p.Arch = fleet.ARM64
	default:
		return Program{}, fmt.Errorf("it is a program for %s, on which no agent runs", program.Machine)
	}
	for _, s := range program.Progs {
		if s.Type == elf.PT_INTERP {
			return Program{}, errors.New("it needs libraries of the machine that it was built on: build it with CGO_ENABLED=0")
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Program{}, fmt.Errorf("reading it: %w", err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return Program{}, fmt.Errorf("reading it: %w", err)
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}

// Handler serves programs by their digest, and everything else by next. A program that was replaced since the server started is
// still asked for by the old digest; the machine finds that it is another one, powers off, and the next launch has the new one.
func Handler(programs []Program, next http.Handler) http.Handler {
	files := map[string]string{}
	for _, p := range programs {
		files[p.SHA256] = p.File
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		digest, ours := strings.CutPrefix(path.Clean(r.URL.Path), Path)
		if !ours {
			next.ServeHTTP(w, r)
			return
		}
		file, known := files[digest]
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "programs can only be read", http.StatusMethodNotAllowed)
		case !known:
			http.Error(w, "this server has no such program: it may have been replaced since the machine was launched", http.StatusNotFound)
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			http.ServeFile(w, r, file)
		}
	})
}
