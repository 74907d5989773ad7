package doctor //nolint:testpackage // free space is a pure decision that no test can bring about by itself

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindingsAboutTheDataDirectory(t *testing.T) {
	private, open, file := filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "o"), filepath.Join(t.TempDir(), "f")
	for path, mode := range map[string]os.FileMode{private: 0o700, open: 0o755} {
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, dir string
		want      Level
	}{
		{"private", private, OK},
		{"others can look into it", open, Warning},
		{"a file", file, Problem},
		{"it is to be made", filepath.Join(private, "a", "b"), OK},
		{"it cannot be made", filepath.Join(file, "below"), Problem},
	} {
		if got := Directory(tt.dir)[0]; got.Level != tt.want {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestFindingsAboutFreeSpace(t *testing.T) {
	for free, want := range map[uint64]Level{0: Problem, 1 << 20: Problem, 1 << 30: Warning, 100 << 30: OK} {
		if got := spaceFinding("/d", free); got.Level != want {
			t.Errorf("%d bytes: %+v, want %s", free, got, want)
		}
	}
}
