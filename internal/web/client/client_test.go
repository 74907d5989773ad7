package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheServerFileIsForItsUserOnly(t *testing.T) {
	dir := t.TempDir()
	want := client.ServerFile{URL: "http://127.0.0.1:1", Token: "t", PID: 7, Version: "v1"}
	if err := (client.ServerFile{URL: "http://old"}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, client.ServerFileName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	got, err := client.ReadServerFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left beside it: %v %v", entries, err)
	}
	for range 2 { // the second time there is nothing to remove
		if err := client.RemoveServerFile(dir); err != nil {
			t.Error(err)
		}
	}
	if _, err := client.ReadServerFile(dir); !errors.Is(err, client.ErrNoServer) || !strings.Contains(err.Error(), "runs-fleet serve") {
		t.Errorf("without it: %v", err)
	}
}

func TestADamagedServerFileSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, client.ServerFileName), []byte(`{"url":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ReadServerFile(dir); err == nil || !strings.Contains(err.Error(), "restart the server") {
		t.Error(err)
	}
}

func TestATokenDoesNotFollowARedirect(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	c, err := client.New(server.URL, "t", seam.System{})
	if err != nil {
		t.Fatal(err)
	}
	var status *client.StatusError
	if _, err := c.Status(t.Context()); !errors.As(err, &status) || status.Status != http.StatusTemporaryRedirect || reached {
		t.Errorf("error %v, reached %v", err, reached)
	}
}

func TestSomethingElseAtTheAddressIsNotMistakenForAServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	defer server.Close()
	c, err := client.New(server.URL, "t", seam.System{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "is there a runs-fleet server at "+server.URL) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"fleet:8080": "http://fleet:8080", "https://fleet.example": "https://fleet.example", "ftp://x": "", "http://": "",
	} {
		c, err := client.New(address, "t", seam.System{})
		var got string
		if err == nil {
			got = c.Address()
		}
		if got != want {
			t.Errorf("%s is %q (%v), want %q", address, got, err, want)
		}
	}
}
