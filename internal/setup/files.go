package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// Modes of what is written: for the user alone.
const (
	privateFolder = 0o700
	privateFile   = 0o600
)

// folder is where the settings and the secrets are.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// prepare makes the folder and looks whether it can be written: the credentials of a new App can be fetched only once, so
// there must be a place for them before.
func (f folder) prepare() error {
	if err := os.MkdirAll(string(f), privateFolder); err != nil {
		return fmt.Errorf("making the folder of the settings: %w; choose another with --dir", err)
	}
	probe, err := os.CreateTemp(string(f), ".setup-*")
	if err != nil {
		return fmt.Errorf("writing into the folder of the settings: %w; choose another with --dir", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("writing into the folder of the settings: %w", err)
	}
	return nil
}

// write puts a file into its place whole, readable for its user alone, and on the disk before it returns.
func (f folder) write(name string, content []byte) (path string, err error) {
	path = f.path(name)
	file, err := os.CreateTemp(string(f), "."+name+"-*") // has mode 0600
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(file.Name())))
		}
	}()
	_, err = file.Write(content)
	if err := errors.Join(err, file.Chmod(privateFile), file.Sync(), file.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(file.Name(), path)
}

// settings reads the settings file, without the environment. No file is empty settings.
func (f folder) settings() (settings.Settings, error) {
	path := f.path(SettingsFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return settings.Settings{}, nil
	}
	found, err := settings.Load(settings.Sources{File: path, ReadFile: os.ReadFile})
	if err != nil {
		return settings.Settings{}, fmt.Errorf("there are settings already, and they cannot be used: %w; correct them, or choose another folder with --dir", err)
	}
	return found, nil
}

// change edits the settings file. It is replaced only if the result can be read.
func (f folder) change(changes ...change) (string, error) {
	path := f.path(SettingsFile)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the settings file: %w", err)
	}
	after := edit(string(before), changes)
	if after == string(before) {
		return path, nil
	}
	_, err = settings.Load(settings.Sources{File: path, ReadFile: func(name string) ([]byte, error) {
		if name == path {
			return []byte(after), nil
		}
		return os.ReadFile(name)
	}})
	if err != nil {
		return "", fmt.Errorf("changing the settings file, which is left as it was: %w", err)
	}
	return f.write(SettingsFile, []byte(after))
}
