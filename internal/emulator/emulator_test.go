package emulator_test

import (
	"errors"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachEmulatorAnswersUntilItIsStopped(t *testing.T) {
	for _, kind := range []emulator.Kind{emulator.MiniStack, emulator.DynamoDBLocal, emulator.VersityGW, emulator.Moto, emulator.MetadataMock} {
		t.Run(kind.String(), func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			p, err := emulator.Start(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Get(p.URL)
			if err != nil {
				t.Errorf("while it runs: %v", err)
			} else {
				response.Body.Close()
			}
			if err := p.Stop(); err != nil {
				t.Errorf("Stop: %v", err)
			}
			if response, err := client.Get(p.URL); err == nil {
				response.Body.Close()
				t.Error("it answers after it was stopped")
			}
		})
	}
}

func TestAnEmulatorThatWasNotFetchedSaysWhatFetchesIt(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/go.mod", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	if _, err := emulator.Start(t.Context(), emulator.VersityGW); !errors.Is(err, emulator.ErrMissing) {
		t.Errorf("error = %v, want emulator.ErrMissing", err)
	}
}

func TestAnUnknownEmulatorIsRefused(t *testing.T) {
	if _, err := emulator.Start(t.Context(), emulator.Kind(9)); err == nil {
		t.Error("started an emulator that there is not")
	}
}
