// Command mutate proves that the simulation notices mistakes: it builds the simulation once for each deliberate bug, one at a
// time, and runs worlds until an invariant does not hold.
//
//	go run ./internal/simulate/mutate            every mutation
//	go run ./internal/simulate/mutate 6.2 5.3    those whose names begin so
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	seeds := flag.Int("seeds", 16, "how many worlds a mutation may survive")
	jobs := flag.Int("jobs", 30, "`jobs` of each world")
	first := flag.Uint64("seed", 1, "the first `seed`")
	dry := flag.Bool("n", false, "only see whether every mutation can still be made")
	flag.Parse()
	if err := check(flag.Args(), *dry, *first, *seeds, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(names []string, dry bool, first uint64, seeds, jobs int) error {
	dir, err := os.MkdirTemp("", "runs-fleet-mutations-")
	if err != nil {
		return fmt.Errorf("making a folder for builds: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if !dry {
		fmt.Print("| rule | bug | worlds | result |\n|---|---|---|---|\n")
	}
	var survivors []string
	for _, m := range mutations() {
		if !chosen(m, names) {
			continue
		}
		if dry {
			if _, err := m.overlay(dir); err != nil {
				fmt.Printf("%s: %v\n", m.name, err)
				survivors = append(survivors, m.name)
			}
			continue
		}
		began := time.Now()
		caught, by, err := try(dir, m, first, seeds, jobs)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		verdict := "caught by " + by
		if !caught {
			verdict = "**not noticed**"
			survivors = append(survivors, m.name)
		}
		fmt.Printf("| %s | %s | %s | %s |\n", m.name, m.what, worlds(m.profile), verdict)
		fmt.Fprintf(os.Stderr, "%s: %s, %s\n", m.name, verdict, time.Since(began).Round(time.Second))
	}
	if len(survivors) > 0 {
		return fmt.Errorf("%d mutations survived, or cannot be made: %s", len(survivors), strings.Join(survivors, ", ")) //nolint:err113 // for people
	}
	return nil
}

// worlds names those that a mutation is tried in.
func worlds(profile string) string {
	if profile == "" {
		return "ordinary"
	}
	return profile
}

func chosen(m mutation, names []string) bool {
	for _, n := range names {
		if strings.HasPrefix(m.name, n) {
			return true
		}
	}
	return len(names) == 0
}

// try builds the simulation with the mutation and runs it.
func try(dir string, m mutation, first uint64, seeds, jobs int) (caught bool, by string, err error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, "", err
	}
	program := filepath.Join(dir, "sim")
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", program, "./internal/simulate/sim")
	if out, err := build.CombinedOutput(); err != nil {
		return false, "", fmt.Errorf("building: %w\n%s", err, out)
	}
	run := exec.CommandContext(ctx, program, "-q", "-seed", strconv.FormatUint(first, 10), "-seeds", strconv.Itoa(seeds), "-jobs", strconv.Itoa(jobs), "-profile", m.profile)
	out, err := run.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return false, "", fmt.Errorf("running: %w", err)
	}
	if err == nil {
		return false, "", nil
	}
	return true, verdict(string(out)), nil
}

// verdict takes the name of the invariant, and the seed, from a run's output.
func verdict(out string) string {
	_, rest, found := strings.Cut(out, "VIOLATION of ")
	if !found {
		return "a crash"
	}
	name, rest, _ := strings.Cut(rest, " at ")
	_, rest, _ = strings.Cut(rest, "-seed ")
	seed, _, _ := strings.Cut(rest, " ")
	return name + ", seed " + seed
}

// overlay writes the mutated files and the list that the go command reads.
func (m mutation) overlay(dir string) (string, error) {
	replace := map[string]string{}
	changed := map[string]string{}
	for _, e := range m.edits {
		text, known := changed[e.file]
		if !known {
			b, err := os.ReadFile(e.file)
			if err != nil {
				return "", fmt.Errorf("reading what is to be mutated: %w", err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s holds %d times what is to be mutated; adapt the mutation:\n%s", e.file, n, e.old) //nolint:err113 // for people
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	for file, text := range changed {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("writing the mutation: %w", err)
		}
		abs, err := filepath.Abs(file)
		if err != nil {
			return "", fmt.Errorf("finding %s: %w", file, err)
		}
		replace[abs] = path
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("encoding the overlay: %w", err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		return "", fmt.Errorf("writing the overlay: %w", err)
	}
	return path, nil
}
