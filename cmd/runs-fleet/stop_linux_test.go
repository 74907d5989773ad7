package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

func TestAServerThatStopsSaysSoWhileItStillServes(t *testing.T) {
	// failure mode A1: whoever sends it deliveries looks elsewhere before it closes
	s := quietSettings(t, quietGitHub(t).URL)
	r := begin(t, s)
	f, err := client.ReadServerFile(s.Data)
	if err != nil {
		t.Fatal(err)
	}
	tell(t, syscall.SIGTERM)
	for status(t, f.URL+"/readyz") != http.StatusServiceUnavailable { // a refused connection ends the test
	}
	for path, want := range map[string]int{"/webhook": http.StatusMethodNotAllowed, "/healthz": http.StatusOK} {
		if got := status(t, f.URL+path); got != want {
			t.Errorf("%s: %d, want %d: a delivery that is on its way must be taken", path, got, want)
		}
	}
	r.end(t)
}

// records collects what is logged.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *records) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func TestAStopIsNoTrouble(t *testing.T) {
	// failure mode K8: what is done every day is no warning, and one format serves everything that is logged
	s := quietSettings(t, quietGitHub(t).URL)
	s.LogLevel = "debug"
	out, in := io.Pipe()
	log := &records{}
	ended := make(chan error, 1)
	go func() {
		err := serve(context.Background(), s, streams{out: in, err: log})
		_ = in.Close()
		ended <- err
	}()
	said := make([]byte, 0, 1<<10)
	for chunk := make([]byte, 1<<10); !bytes.Contains(said, []byte("Ctrl-C lets running jobs end")); {
		n, err := out.Read(chunk)
		if said = append(said, chunk[:n]...); err != nil {
			t.Fatalf("the server ended (%v) and said %s", <-ended, said)
		}
	}
	tell(t, syscall.SIGTERM)
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stopped := false
	for line := range strings.Lines(log.text.String()) {
		var entry struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("a line is not JSON, as the settings ask for: %s", line)
		}
		asked := strings.HasPrefix(entry.Msg, "JOBS ARE NOT ISOLATED") // by the settings of this test
		if !asked && (entry.Level == "WARN" || entry.Level == "ERROR") {
			t.Errorf("a quiet life and an ordinary stop made a %s: %s", entry.Level, line)
		}
		stopped = stopped || entry.Msg == "stopped"
	}
	if !stopped {
		t.Error("the log does not say that the server stopped")
	}
}

func TestLevelAndFormatOfTheLogAreThoseOfTheSettings(t *testing.T) {
	// failure mode K8
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		for _, format := range []string{settings.LogJSON, settings.LogText} {
			var b bytes.Buffer
			log := logger(settings.Settings{LogLevel: level, LogFormat: format}, &b)
			for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
				log.Log(t.Context(), l, "x")
			}
			lines := strings.Count(b.String(), "\n")
			if isJSON := strings.HasPrefix(b.String(), "{"); lines != want || isJSON != (format == settings.LogJSON) {
				t.Errorf("level %s, format %s: %d lines, JSON %v; want %d\n%s", level, format, lines, isJSON, want, b.String())
			}
		}
	}
}
