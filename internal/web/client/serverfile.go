// Package client is the command line's side of the REST API: it finds the server of a data directory and calls it.
package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ServerFile is how a server tells the command line of the same user where it is and how to log in.
type ServerFile struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

// ServerFileName is the file's name in the data directory.
const ServerFileName = "server.json"

// serverFileMode lets nobody but the server's user log in.
const serverFileMode = 0o600

// Write puts the file into a data directory, whole or not at all.
func (f ServerFile) Write(dir string) error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", ServerFileName, err)
	}
	temporary, err := os.CreateTemp(dir, "."+ServerFileName+"-*") // created with mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", ServerFileName, err)
	}
	_, err = temporary.Write(append(b, '\n'))
	err = errors.Join(err, temporary.Chmod(serverFileMode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), filepath.Join(dir, ServerFileName))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", ServerFileName, errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}

// RemoveServerFile says that no server runs any more.
func RemoveServerFile(dir string) error {
	if err := os.Remove(filepath.Join(dir, ServerFileName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", ServerFileName, err)
	}
	return nil
}

// ErrNoServer says that no server runs, as far as one can see.
var ErrNoServer = errors.New("no server")

// ReadServerFile finds the server of a data directory. Its errors say what to do.
func ReadServerFile(dir string) (ServerFile, error) {
	path := filepath.Join(dir, ServerFileName)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ServerFile{}, fmt.Errorf("%w is running on the data directory %s: start one with runs-fleet serve, "+
			"or name another directory with --data or a server with --server", ErrNoServer, dir)
	case errors.Is(err, fs.ErrPermission):
		return ServerFile{}, fmt.Errorf("%s belongs to another user: run this command as the user that runs the server (%w)", path, err)
	case err != nil:
		return ServerFile{}, fmt.Errorf("finding the server: %w", err)
	}
	var f ServerFile
	if err := json.Unmarshal(b, &f); err != nil {
		return ServerFile{}, fmt.Errorf("%s is damaged: restart the server, which writes it anew (%w)", path, err)
	}
	return f, nil
}
