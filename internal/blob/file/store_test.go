package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/blob/blobtest"
	"github.com/runs-fleet/runs-fleet/internal/blob/file"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func open(t *testing.T, dir string) *file.Store {
	t.Helper()
	s, err := file.Open(dir, seam.System{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	blobtest.Run(t, blobtest.Harness{
		Open: func(t *testing.T) blob.Store { return open(t, filepath.Join(t.TempDir(), "new", "blobs")) },
		Now:  seam.System{}.Now,
	})
}

// files lists everything below a folder that is not a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestNothingIsLeftOver(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	body := func() *strings.Reader { return strings.NewReader("x") }
	for _, key := range []string{"a/b/c", "a/b/d"} {
		if _, err := s.Put(t.Context(), key, body()); err != nil {
			t.Fatal(err)
		}
	}
	// What an interrupted server was writing.
	if err := os.WriteFile(filepath.Join(dir, "partial", "interrupted"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("files = %v, want the two objects", got)
	}
	for _, key := range []string{"a/b/c", "a/b/d"} {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "objects"))
	if err != nil || len(entries) != 0 {
		t.Errorf("folders left: %v, %v", entries, err)
	}
}

func TestReopenKeepsObjects(t *testing.T) {
	dir := t.TempDir()
	if _, err := open(t, dir).Put(t.Context(), "logs/a.txt", strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	page, err := open(t, dir).List(t.Context(), "", "", 0)
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Size != 4 {
		t.Errorf("List = %+v, %v", page, err)
	}
	info, err := os.Stat(filepath.Join(dir, "objects", "logs+", "a.txt"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v, %v; want readable by its owner only", info, err)
	}
}

// Links that somebody put into the folder lead nowhere.
func TestLinksDoNotLeaveTheFolder(t *testing.T) { // failure mode I8
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := open(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "objects", "folder+")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "objects", "object")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"folder/secret", "object"} {
		if _, _, err := s.Get(t.Context(), key); err == nil || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Get(%q) = %v, want a refusal", key, err)
		}
	}
	if _, err := s.Put(t.Context(), "folder/new", strings.NewReader("x")); err == nil {
		t.Error("Put through a link succeeded")
	}
	if page, err := s.List(t.Context(), "", "", 0); err != nil || len(page.Objects) != 0 {
		t.Errorf("List = %+v, %v; want nothing", page, err)
	}
	if got := files(t, outside); len(got) != 1 {
		t.Errorf("files outside = %v, want the secret only", got)
	}
}

func TestOpenRefusesAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Open(name, seam.System{}); err == nil {
		t.Error("Open of a file succeeded")
	}
}
