package peers_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/peers"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// late is a clock that differs from the machine's.
type late struct {
	seam.System

	by time.Duration
}

func (l late) Now() time.Time { return l.System.Now().Add(-l.by) }

var errUnknown = errors.New("names no machine")

func TestWake(t *testing.T) {
	key := peers.KeyOf([]byte("the App's key"))
	for _, c := range []struct {
		name    string
		key     peers.Key
		clock   seam.Clock
		machine string
		refused string
	}{
		{name: "of the same fleet", key: key, clock: seam.System{}, machine: "default/eu-west-1/i-1"},
		{name: "clocks that differ by seconds", key: key, clock: late{by: 20 * time.Second}, machine: "default/eu-west-1/i-1"},
		{name: "another fleet's key", key: peers.KeyOf([]byte("another")), clock: seam.System{}, machine: "m", refused: "signature"},
		{name: "an old one, sent again", key: key, clock: late{by: time.Hour}, machine: "m", refused: "clock"},
		{name: "no machine", key: key, clock: seam.System{}, machine: "nonsense", refused: "names no machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var woken []string
			server := httptest.NewServer(peers.Handler(key, seam.System{}, func(machine string) error {
				if machine == "nonsense" {
					return errUnknown
				}
				woken = append(woken, machine)
				return nil
			}))
			defer server.Close()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			err := peers.NewClient(c.key, c.clock, transport).Wake(t.Context(), server.URL+"/", c.machine)
			if c.refused == "" {
				if err != nil || len(woken) != 1 || woken[0] != c.machine {
					t.Errorf("Wake = %v, woken %q", err, woken)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.refused) || len(woken) != 0 {
				t.Errorf("Wake = %v, woken %q", err, woken)
			}
		})
	}
}

func TestOnlyAWakeIsTaken(t *testing.T) {
	handler := peers.Handler(peers.KeyOf([]byte("k")), seam.System{}, func(string) error {
		t.Error("woken")
		return nil
	})
	for body, want := range map[string]int{
		`{"machine":"default/r/i"}`: http.StatusForbidden, "": http.StatusForbidden, strings.Repeat("x", 5000): http.StatusBadRequest,
	} {
		out := httptest.NewRecorder()
		handler.ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodPost, peers.Path, strings.NewReader(body)))
		if out.Code != want {
			t.Errorf("a body of %d bytes: %d, want %d", len(body), out.Code, want)
		}
	}
}

func TestAReplicaThatIsGone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	if err := peers.NewClient(peers.Key{}, seam.System{}, &http.Transport{}).Wake(t.Context(), address, "m"); err == nil {
		t.Error("no error")
	}
}
