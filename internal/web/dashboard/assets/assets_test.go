package assets_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/web/dashboard/assets"
)

func serve(a *assets.Assets, address string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, http.NoBody))
	return w
}

func TestAFileIsServedUnderAnAddressThatNamesItsContent(t *testing.T) {
	a := assets.New()
	for name, kind := range map[string]string{
		"style.css": "text/css; charset=utf-8", "dashboard.js": "text/javascript; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8",
		"htmx-ext-sse.min.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		w := serve(a, a.URL(name))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s at %s: %d %v", name, a.URL(name), w.Code, w.Header())
		}
		sum := sha256.Sum256(w.Body.Bytes())
		if !strings.Contains(a.URL(name), hex.EncodeToString(sum[:])[:12]) {
			t.Errorf("%s does not name its content", a.URL(name))
		}
	}
}

// failure mode K3
func TestAFileOfAnotherVersionIsNotFoundAndIsNoPage(t *testing.T) {
	a := assets.New()
	for _, address := range []string{"/static/style.css", "/static/style-000000000000.css", "/static/", "/static/../assets.go"} {
		w := serve(a, address)
		if w.Code != http.StatusNotFound || strings.Contains(w.Header().Get("Content-Type"), "html") {
			t.Errorf("%s: %d %s", address, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

func TestTheCopiesOfOthersFilesAreUnchanged(t *testing.T) {
	for name, want := range map[string]string{
		"htmx.min.js":         "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
		"htmx-ext-sse.min.js": "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
	} {
		b, err := os.ReadFile("files/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has the checksum %x", name, sum)
		}
	}
}
