// Package runnerdist obtains the official runner: version and checksum from GitHub's downloads API, the archive verified
// before anything of it is unpacked, and one unpacked folder of each version in a cache that all machines share.
package runnerdist

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Download is one entry of GitHub's downloads API, in its own words: linux, osx or win; x64, arm64 or arm.
type Download struct {
	OS           string
	Architecture string
	URL          string
	Filename     string
	SHA256       string
}

// Source lists what GitHub offers: the newest version for each platform.
type Source interface {
	Downloads(ctx context.Context) ([]Download, error)
}

// Pin chooses a version instead of the newest one.
type Pin struct {
	Version string // 2.330.0
	// SHA256 is needed unless the version is the newest, whose checksum GitHub's API gives. URL defaults to the release's
	// archive at github.com.
	SHA256 string
	URL    string
}

// Options configure a Distribution.
type Options struct {
	// Dir is the cache's folder.
	Dir    string
	Source Source
	// Installed uses the runner in this folder instead of any download.
	Installed string
	Pin       Pin
	OS        fleet.OS
	Arch      fleet.Arch
	// Refresh is how often GitHub is asked for a newer version. Defaults to six hours: each release must be taken within
	// 30 days, or GitHub refuses the runner.
	Refresh time.Duration
	HTTP    *http.Client
	Clock   seam.Clock
	Logger  *slog.Logger
	// FellBack is told of every fallback that is taken; optional.
	FellBack func(controller.Fallback)
}

// The bounds of one refresh.
const (
	defaultRefresh = 6 * time.Hour
	refreshRetry   = 5 * time.Minute  // after one that failed, while an older version serves
	fetchTimeout   = 20 * time.Minute // 200 MB over a slow line
	keepOld        = 7 * 24 * time.Hour
	staleAfter     = 25 * 24 * time.Hour
)

// ErrUnavailable says that there is no runner to be had; its text says why.
var ErrUnavailable = errors.New("no runner to be had")

// Distribution hands out the folder of a runner.
type Distribution struct {
	options Options
	flight  singleflight.Group
	stop    context.Context //nolint:containedctx // the lifetime of downloads, which outlive the calls that wait for them
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	index index
	next  time.Time // when GitHub is asked again
}

// New checks the options. A cache that an earlier process filled is used at once.
func New(o Options) (*Distribution, error) {
	o.Refresh = cmp.Or(o.Refresh, defaultRefresh)
	o.HTTP = cmp.Or(o.HTTP, http.DefaultClient)
	if o.Clock == nil {
		o.Clock = seam.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FellBack == nil {
		o.FellBack = func(controller.Fallback) {}
	}
	d := &Distribution{options: o}
	d.stop, d.cancel = context.WithCancel(context.Background())
	if o.Installed != "" {
		return d, d.useInstalled()
	}
	if err := checkPin(o.Pin); err != nil {
		return nil, err
	}
	if o.Dir == "" || o.Source == nil {
		return nil, errors.New("runner distribution: either an installed runner, or a cache folder and a source are required")
	}
	if o.OS == fleet.Windows {
		return nil, fmt.Errorf("%w: archives for Windows are not unpacked here; give the folder of an installed runner", ErrUnavailable)
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil { //nolint:gosec // runners of other users read it
		return nil, fmt.Errorf("making the runner's cache: %w", err)
	}
	return d, d.loadIndex()
}

func (d *Distribution) useInstalled() error {
	folder, err := filepath.Abs(d.options.Installed)
	if err != nil {
		return fmt.Errorf("finding the installed runner: %w", err)
	}
	if err := checkInstalled(folder); err != nil {
		return err
	}
	d.options.Installed = folder
	return nil
}

// checkInstalled says whether a folder holds a runner.
func checkInstalled(folder string) error {
	listener := filepath.Join(folder, "bin", "Runner.Listener")
	info, err := os.Stat(listener)
	if err != nil {
		return fmt.Errorf("%w: %s is no folder of an installed runner: %w", ErrUnavailable, folder, err)
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%w: %s is no program", ErrUnavailable, listener)
	}
	return nil
}

var versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

func checkPin(p Pin) error {
	if p.Version == "" {
		if p.SHA256 != "" || p.URL != "" {
			return errors.New("runner distribution: a pinned checksum or address needs the version that it belongs to")
		}
		return nil
	}
	if !versionForm.MatchString(p.Version) {
		return fmt.Errorf("runner version %q is not of the form 2.330.0", p.Version)
	}
	if p.SHA256 != "" && !isSHA256(p.SHA256) {
		return errors.New("the pinned checksum of the runner is not a hexadecimal SHA-256")
	}
	return nil
}

func isSHA256(s string) bool {
	const bytes = 32
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == bytes
}

// Dir returns the folder of the runner to use now, after a download where there is none. While GitHub cannot be reached,
// the version that is there serves on. Concurrent calls share one download, which goes on when its callers give up.
func (d *Distribution) Dir(ctx context.Context) (string, error) {
	if d.options.Installed != "" {
		return d.options.Installed, checkInstalled(d.options.Installed)
	}
	if folder, fresh := d.current(); fresh {
		return folder, nil
	}
	done := d.flight.DoChan("refresh", func() (any, error) {
		d.running.Add(1)
		defer d.running.Done()
		ctx, cancel := d.options.Clock.WithTimeout(d.stop, fetchTimeout)
		defer cancel()
		return d.refresh(ctx)
	})
	select {
	case r := <-done:
		folder, _ := r.Val.(string) // refresh returns nothing else
		return folder, r.Err
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for the runner's download: %w", ctx.Err())
	}
}

// Close gives a running download up.
func (d *Distribution) Close() {
	d.cancel()
	d.running.Wait()
}

// Version returns the version in use, empty while there is none or for an installed runner.
func (d *Distribution) Version() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index.Current.Version
}

// current returns the folder in use, and whether it may be used without asking GitHub.
func (d *Distribution) current() (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.index.Current.Folder == "" {
		return "", false
	}
	folder := filepath.Join(d.options.Dir, d.index.Current.Folder)
	return folder, d.options.Clock.Now().Before(d.next) && checkInstalled(folder) == nil
}

// refresh asks for the wanted version and gets it if it is not there.
func (d *Distribution) refresh(ctx context.Context) (string, error) {
	folder, fresh := d.current()
	if fresh { // another call was faster
		return folder, nil
	}
	wanted, err := d.wanted(ctx)
	if err == nil {
		folder, err = d.obtain(ctx, wanted)
	}
	now := d.options.Clock.Now()
	if err == nil {
		d.mu.Lock()
		d.next = now.Add(d.options.Refresh)
		d.mu.Unlock()
		return folder, d.prune(ctx)
	}
	if folder == "" || checkInstalled(folder) != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	d.mu.Lock()
	d.next = now.Add(refreshRetry)
	age := now.Sub(d.index.Current.Checked)
	d.mu.Unlock()
	d.options.FellBack(controller.FallbackRunnerKept)
	level := slog.LevelWarn
	if age > staleAfter {
		level = slog.LevelError // GitHub will refuse it soon
	}
	d.options.Logger.Log(ctx, level, "using the runner that is there, since a newer one could not be had",
		"version", d.Version(), "unchecked_for", age.String(), "error", err)
	return folder, nil
}

// wanted is the archive to have.
func (d *Distribution) wanted(ctx context.Context) (release, error) {
	pin := d.options.Pin
	if pin.Version != "" && pin.SHA256 != "" {
		return release{version: pin.Version, sha256: strings.ToLower(pin.SHA256), url: cmp.Or(pin.URL, d.releaseURL(pin.Version))}, nil
	}
	ctx, cancel := d.options.Clock.WithTimeout(ctx, time.Minute)
	defer cancel()
	downloads, err := d.options.Source.Downloads(ctx)
	if err != nil {
		return release{}, fmt.Errorf("asking GitHub for the runner's version: %w", err)
	}
	system, architecture := platform(d.options.OS, d.options.Arch)
	for _, offer := range downloads {
		if offer.OS != system || offer.Architecture != architecture {
			continue
		}
		found, err := read(offer)
		if err != nil {
			return release{}, err
		}
		if pin.Version != "" && pin.Version != found.version {
			return release{}, fmt.Errorf("runner %s is pinned without a checksum, and GitHub gives that of %s only: add the checksum", pin.Version, found.version)
		}
		return found, nil
	}
	return release{}, fmt.Errorf("GitHub offers no runner for %s/%s", system, architecture) // failure mode G5
}

// release is an archive to have.
type release struct{ version, sha256, url string }

var versionInName = regexp.MustCompile(`-([0-9]+\.[0-9]+\.[0-9]+)\.tar\.gz$`)

func read(offer Download) (release, error) {
	match := versionInName.FindStringSubmatch(offer.Filename)
	if match == nil {
		return release{}, fmt.Errorf("the name of the runner's archive %q holds no version", offer.Filename)
	}
	if !isSHA256(offer.SHA256) {
		return release{}, fmt.Errorf("GitHub gives no checksum of %q", offer.Filename)
	}
	return release{version: match[1], sha256: strings.ToLower(offer.SHA256), url: offer.URL}, nil
}

func (d *Distribution) releaseURL(version string) string {
	system, architecture := platform(d.options.OS, d.options.Arch)
	return fmt.Sprintf("https://github.com/actions/runner/releases/download/v%[1]s/actions-runner-%[2]s-%[3]s-%[1]s.tar.gz", version, system, architecture)
}

// platform names a platform as GitHub does.
func platform(os fleet.OS, arch fleet.Arch) (system, architecture string) {
	system, architecture = string(os), string(arch)
	switch os {
	case fleet.Windows:
		system = "win"
	case "darwin":
		system = "osx"
	default:
	}
	if arch == fleet.AMD64 {
		architecture = "x64"
	}
	return system, architecture
}
