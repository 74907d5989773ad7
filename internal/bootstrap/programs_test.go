package bootstrap_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/bootstrap"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// built is a program for an architecture.
func built(t *testing.T, arch fleet.Arch) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "agent")
	c := exec.CommandContext(t.Context(), "go", "build", "-o", out, source)
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+string(arch), "CGO_ENABLED=0")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

func TestProgramsAreLookedAt(t *testing.T) { // failure modes G5, G7
	for _, arch := range []fleet.Arch{fleet.AMD64, fleet.ARM64} {
		p, err := bootstrap.Open(built(t, arch))
		if err != nil || p.Arch != arch || len(p.SHA256) != 64 {
			t.Errorf("a program for %s is %+v: %v", arch, p, err)
		}
	}
	script := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := bootstrap.Open(script); err == nil || !strings.Contains(err.Error(), "no program for Linux") {
		t.Errorf("a script is %+v: %v", p, err)
	}
	if _, err := bootstrap.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is a program")
	}
}

func TestProgramsAreServedByTheirDigest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(file, []byte("the agent"), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := strings.Repeat("c", 64)
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := bootstrap.Handler([]bootstrap.Program{{File: file, Arch: fleet.AMD64, SHA256: digest}}, next)
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, bootstrap.Path + digest, http.StatusOK},
		{http.MethodHead, bootstrap.Path + digest, http.StatusOK},
		{http.MethodPost, bootstrap.Path + digest, http.StatusMethodNotAllowed},
		{http.MethodGet, bootstrap.Path + strings.Repeat("d", 64), http.StatusNotFound},
		{http.MethodGet, bootstrap.Path + "../../../etc/passwd", http.StatusTeapot},
		{http.MethodPost, "/agent/v1/hello", http.StatusTeapot},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, http.NoBody))
		if w.Code != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
		if w.Code == http.StatusOK && tt.method == http.MethodGet && w.Body.String() != "the agent" {
			t.Errorf("got %q", w.Body)
		}
	}
}
