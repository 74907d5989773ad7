package main

import (
	"net"
	"path/filepath"
	"testing"
)

func TestSystemdHearsThatTheServerIsReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	t.Setenv(notifySocket, path)
	if err := notifyReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 64)
	n, err := listener.Read(heard)
	if err != nil || string(heard[:n]) != "READY=1" {
		t.Errorf("heard %q, %v", heard[:n], err)
	}
	t.Setenv(notifySocket, path+".gone")
	if err := notifyReady(t.Context()); err == nil {
		t.Error("a socket that is not there was told")
	}
	t.Setenv(notifySocket, "")
	if err := notifyReady(t.Context()); err != nil {
		t.Errorf("without systemd: %v", err)
	}
}
