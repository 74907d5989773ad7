// Command runs-fleet is the control plane and the command line of a fleet of ephemeral GitHub Actions runners.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"

	"golang.org/x/term"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/heap"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func main() {
	heap.Configure(os.Getenv)
	os.Exit(run(context.Background(), os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	width := terminalWidth(os.Stdout)
	streams := streams{out: os.Stdout, err: os.Stderr}
	return cli.Run(ctx, args, cli.Env{
		In: os.Stdin, ReadSecret: secretReader(os.Stdin), Out: os.Stdout, Err: os.Stderr, Environ: os.Environ(), ReadFile: os.ReadFile,
		Root: os.Geteuid() == 0, HomeDir: homeDir(), Width: width, Color: width > 0 && colours(),
		Clock: seam.System{}, Random: seam.Crypto{}, Forecast: foretell,
		Serve:     func(ctx context.Context, s settings.Settings) error { return serve(ctx, s, streams) },
		ServeHost: func(ctx context.Context, s settings.Settings) error { return serveHost(ctx, s, streams) },
		Examine:   examine,
		Deploy:    deploy,
		Stores:    openStores(),
	})
}

// streams are where a server speaks: to the person who started it, and to its log.
type streams struct{ out, err io.Writer }

// homeDir is the home of the process's user. The environment comes first, as for every other program; a unit without one
// has the user database.
func homeDir() string {
	if h, err := os.UserHomeDir(); err == nil {
		return h
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

// terminalWidth is the width of the terminal that f is, 0 if it is none.
func terminalWidth(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	const usual = 80
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return usual
}

// secretReader reads a line from a terminal without showing it; there is none for what is no terminal.
func secretReader(f *os.File) func() (string, error) {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return func() (string, error) {
		b, err := term.ReadPassword(fd)
		if err != nil {
			return "", fmt.Errorf("reading from the terminal: %w", err)
		}
		return string(b), nil
	}
}

// colours follows no-color.org and terminals that say they are dumb.
func colours() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }
