package runnerdist_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/runnerdist"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// entry is one of an archive.
type entry struct {
	name, link, content string
	kind                byte
	mode                int64
}

var runner = []entry{
	{name: "./", kind: tar.TypeDir, mode: 0o755},
	{name: "./bin/", kind: tar.TypeDir, mode: 0o755},
	{name: "./bin/Runner.Listener", content: "#!/bin/sh\n", mode: 0o4755},
	{name: "./bin/data.json", content: "{}", mode: 0o666},
	{name: "./externals/node/bin/npm", kind: tar.TypeSymlink, link: "../lib/npm.js"},
	{name: "./externals/node/lib/npm.js", content: "x", mode: 0o644},
	{name: "./externals/node/lib/same.js", kind: tar.TypeLink, link: "./externals/node/lib/npm.js"},
}

func archive(t *testing.T, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Linkname: e.link, Size: int64(len(e.content)), Typeflag: e.kind, Mode: e.mode, Format: tar.FormatPAX}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// clock stands until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (*clock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (*clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// github is a source and the server of its archives.
type github struct {
	mu      sync.Mutex
	version string
	body    []byte
	sum     string // empty: the right one
	fail    error
	status  int
	hold    chan struct{}
	fetched atomic.Int32
	asked   atomic.Int32
	url     string
}

func newGitHub(t *testing.T, version string, entries []entry) *github {
	t.Helper()
	g := &github{version: version, body: archive(t, entries), status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.fetched.Add(1)
		if g.hold != nil {
			select {
			case <-g.hold:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(g.status)
		_, _ = w.Write(g.body)
	}))
	g.url = server.URL
	t.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); server.Close() })
	return g
}

func (g *github) Downloads(context.Context) ([]runnerdist.Download, error) {
	g.asked.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	sum := g.sum
	if sum == "" {
		s := sha256.Sum256(g.body)
		sum = hex.EncodeToString(s[:])
	}
	name := "actions-runner-linux-x64-" + g.version + ".tar.gz"
	return []runnerdist.Download{
		{OS: "win", Architecture: "x64", URL: g.url, Filename: "actions-runner-win-x64-" + g.version + ".zip", SHA256: sum},
		{OS: "linux", Architecture: "x64", URL: g.url + "/" + name, Filename: name, SHA256: sum},
	}, g.fail
}

func open(t *testing.T, g *github, change func(*runnerdist.Options)) (*runnerdist.Distribution, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o := runnerdist.Options{
		Dir: filepath.Join(t.TempDir(), "runner"), Source: g, OS: fleet.Linux, Arch: fleet.AMD64, Clock: c,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&o)
	}
	d, err := runnerdist.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d, c
}

func TestTheNewestRunnerIsFetchedOnce(t *testing.T) { // failure mode G5
	g := newGitHub(t, "2.330.0", runner)
	d, _ := open(t, g, nil)
	folder, err := d.Dir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.Dir(t.Context()); err != nil || again != folder || g.fetched.Load() != 1 || g.asked.Load() != 1 {
		t.Errorf("again: %q, %v after %d downloads and %d questions", again, err, g.fetched.Load(), g.asked.Load())
	}
	if d.Version() != "2.330.0" {
		t.Errorf("version %q", d.Version())
	}
	for name, mode := range map[string]os.FileMode{"bin/Runner.Listener": 0o755, "bin/data.json": 0o644} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want mode %s without set-user-id", name, info, err, mode)
		}
	}
	if b, err := os.ReadFile(filepath.Join(folder, "externals/node/bin/npm")); err != nil || string(b) != "x" {
		t.Errorf("through the link: %q, %v", b, err)
	}
	entries, _ := os.ReadDir(filepath.Dir(folder))
	if len(entries) != 2 {
		t.Errorf("the cache holds %v, want the runner and the index", entries)
	}
}

func TestConcurrentCallersShareADownloadThatOutlivesThem(t *testing.T) {
	g := newGitHub(t, "2.330.0", runner)
	g.hold = make(chan struct{})
	d, _ := open(t, g, nil)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Dir(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("an impatient caller got %v", err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := d.Dir(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	close(g.hold)
	all.Wait()
	if n := g.fetched.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

func TestNewVersionsAreTakenAndOldOnesKeptForTheirJobs(t *testing.T) { // failure mode G10
	g := newGitHub(t, "2.330.0", runner)
	d, c := open(t, g, nil)
	first, err := d.Dir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	g.version = "2.331.0"
	g.mu.Unlock()
	c.pass(5 * time.Hour)
	if folder, err := d.Dir(t.Context()); err != nil || folder != first {
		t.Errorf("before the refresh: %q, %v", folder, err)
	}
	c.pass(2 * time.Hour)
	second, err := d.Dir(t.Context())
	if err != nil || second == first || d.Version() != "2.331.0" {
		t.Fatalf("after the refresh: %q (%s), %v", second, d.Version(), err)
	}
	if _, err := os.Stat(first); err != nil {
		t.Errorf("the old version is gone while its jobs run: %v", err)
	}
	c.pass(8 * 24 * time.Hour)
	if _, err := d.Dir(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err == nil {
		t.Error("the old version is kept for ever")
	}
}

func TestWhatIsThereServesWhileGitHubIsAway(t *testing.T) {
	g := newGitHub(t, "2.330.0", runner)
	var o runnerdist.Options
	d, c := open(t, g, func(options *runnerdist.Options) { o = *options })
	first, err := d.Dir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.fail = errors.New("away")
	c.pass(24 * time.Hour)
	if folder, err := d.Dir(t.Context()); err != nil || folder != first {
		t.Errorf("Dir = %q, %v", folder, err)
	}
	asked := g.asked.Load()
	if _, err := d.Dir(t.Context()); err != nil || g.asked.Load() != asked {
		t.Errorf("GitHub was asked again at once: %v", err)
	}
	o.Clock = c
	restarted, err := runnerdist.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(restarted.Close)
	if folder, err := restarted.Dir(t.Context()); err != nil || folder != first || g.fetched.Load() != 1 {
		t.Errorf("after a restart: %q, %v after %d downloads", folder, err, g.fetched.Load())
	}
}

func TestWhatIsNotTheRunnerIsNotUsed(t *testing.T) { // failure mode H6
	listener := runner[2]
	for name, test := range map[string]struct {
		entries []entry
		change  func(*github)
		says    string
	}{
		"another checksum":        {entries: runner, change: func(g *github) { g.sum = strings.Repeat("ab", 32) }, says: "checksum"},
		"no checksum":             {entries: runner, change: func(g *github) { g.sum = "none" }, says: "checksum"},
		"an error of the server":  {entries: runner, change: func(g *github) { g.status = 500 }, says: "500"},
		"GitHub away":             {entries: runner, change: func(g *github) { g.fail = errors.New("away") }, says: "away"},
		"no listener":             {entries: runner[:2], says: "Runner.Listener"},
		"not an archive":          {change: func(g *github) { g.body = []byte("<html>") }, says: "reading the archive"},
		"an absolute path":        {entries: []entry{listener, {name: "/etc/passwd", content: "x"}}, says: "unsafe"},
		"a path upwards":          {entries: []entry{listener, {name: "bin/../../x", content: "x"}}, says: "unsafe"},
		"an absolute link":        {entries: []entry{listener, {name: "l", kind: tar.TypeSymlink, link: "/etc"}}, says: "unsafe"},
		"a link upwards":          {entries: []entry{listener, {name: "bin/l", kind: tar.TypeSymlink, link: "../../x"}}, says: "unsafe"},
		"a hard link upwards":     {entries: []entry{listener, {name: "l", kind: tar.TypeLink, link: "../index.json"}}, says: "unsafe"},
		"links that lead upwards": {entries: []entry{listener, {name: "y", kind: tar.TypeSymlink, link: "."}, {name: "x", kind: tar.TypeSymlink, link: "y/.."}}, says: "unsafe"},
		"a file through a link":   {entries: []entry{listener, {name: "y", kind: tar.TypeSymlink, link: "bin"}, {name: "y", content: "x"}}, says: "unsafe"},
		"a device":                {entries: []entry{listener, {name: "d", kind: tar.TypeBlock}}, says: "unsafe"},
		"a pipe":                  {entries: []entry{listener, {name: "d", kind: tar.TypeFifo}}, says: "unsafe"},
	} {
		t.Run(name, func(t *testing.T) { // failure mode I8
			g := newGitHub(t, "2.330.0", test.entries)
			if test.change != nil {
				test.change(g)
			}
			var dir string
			d, _ := open(t, g, func(o *runnerdist.Options) { dir = o.Dir })
			folder, err := d.Dir(t.Context())
			if !errors.Is(err, runnerdist.ErrUnavailable) || !strings.Contains(err.Error(), test.says) || folder != "" {
				t.Errorf("Dir = %q, %v, want an error about %q", folder, err, test.says)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("the cache holds %v, want nothing", left)
			}
			if _, err := os.Stat(filepath.Join(dir, "..", "x")); err == nil {
				t.Error("a file was written outside of the cache")
			}
		})
	}
}

func TestPins(t *testing.T) { // failure mode H6
	g := newGitHub(t, "2.330.0", runner)
	sum := sha256.Sum256(g.body)
	right := hex.EncodeToString(sum[:])
	t.Run("with a checksum GitHub need not list it", func(t *testing.T) {
		d, _ := open(t, g, func(o *runnerdist.Options) {
			o.Pin = runnerdist.Pin{Version: "2.329.0", SHA256: strings.ToUpper(right), URL: g.url}
		})
		if _, err := d.Dir(t.Context()); err != nil || d.Version() != "2.329.0" {
			t.Errorf("version %q, %v", d.Version(), err)
		}
	})
	t.Run("without one it must be the listed version", func(t *testing.T) {
		d, _ := open(t, g, func(o *runnerdist.Options) { o.Pin.Version = "2.330.0" })
		if _, err := d.Dir(t.Context()); err != nil {
			t.Error(err)
		}
		d, _ = open(t, g, func(o *runnerdist.Options) { o.Pin.Version = "2.329.0" })
		if _, err := d.Dir(t.Context()); err == nil || !strings.Contains(err.Error(), "add the checksum") {
			t.Errorf("error %v", err)
		}
	})
	for name, pin := range map[string]runnerdist.Pin{
		"no version":  {SHA256: right},
		"not a form":  {Version: "v2.330.0"},
		"a path":      {Version: "../x"},
		"no checksum": {Version: "2.330.0", SHA256: "abc"},
	} {
		if _, err := runnerdist.New(runnerdist.Options{Dir: t.TempDir(), Source: g, Pin: pin}); err == nil {
			t.Errorf("%s: %+v was accepted", name, pin)
		}
	}
}

func TestInstalledRunner(t *testing.T) {
	folder := t.TempDir()
	if _, err := runnerdist.New(runnerdist.Options{Installed: folder}); !errors.Is(err, runnerdist.ErrUnavailable) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "bin", "Runner.Listener"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := runnerdist.New(runnerdist.Options{Installed: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if got, err := d.Dir(t.Context()); err != nil || got != folder {
		t.Errorf("Dir = %q, %v", got, err)
	}
}
