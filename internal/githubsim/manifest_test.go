package githubsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// submit sends a form of one of the pages and returns the answer.
func (w *world) submit(path string, values url.Values) reply {
	w.t.Helper()
	request := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(values.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	w.sim.Handler().ServeHTTP(recorder, request)
	return reply{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes()}
}

func manifest(change func(map[string]any)) string {
	m := map[string]any{
		"name": "fleet of acme", "url": "https://fleet.example", "redirect_url": "http://127.0.0.1:1/callback", "public": false,
		"default_permissions": map[string]string{"actions": "write", "administration": "write", "metadata": "read"},
		"default_events":      []string{"workflow_job"},
		"hook_attributes":     map[string]any{"url": "https://fleet.example/webhook"},
	}
	if change != nil {
		change(m)
	}
	encoded, _ := json.Marshal(m)
	return string(encoded)
}

// create does what a person does on the page, and returns the code that the browser is led back with.
func (w *world) create(text string) string {
	w.t.Helper()
	shown := w.submit("/organizations/acme/settings/apps/new?state=s1", url.Values{"manifest": {text}})
	if shown.Status != http.StatusOK || !strings.Contains(string(shown.Body), `value="s1"`) {
		w.t.Fatalf("%d %s", shown.Status, shown.Body)
	}
	led := w.submit("/organizations/acme/settings/apps", url.Values{"manifest": {text}, "state": {"s1"}, "name": {"Fleet of Acme"}})
	back, err := url.Parse(led.Header.Get("Location"))
	if err != nil || led.Status != http.StatusFound || back.Host != "127.0.0.1:1" || back.Query().Get("state") != "s1" {
		w.t.Fatalf("%d %v %s", led.Status, led.Header, led.Body)
	}
	return back.Query().Get("code")
}

func TestAnAppIsCreatedFromAManifestOnce(t *testing.T) {
	w := start(t, nil)
	late := w.create(manifest(func(m map[string]any) { delete(m, "hook_attributes") }))
	code := w.create(manifest(nil))
	created := w.expect(http.StatusCreated, "", "POST", "/app-manifests/"+code+"/conversions", nil).object(t)
	if created["slug"] != "fleet-of-acme" || created["webhook_secret"] == nil || !strings.Contains(created["pem"].(string), "RSA PRIVATE KEY") {
		t.Errorf("%v", created)
	}
	want := map[string]any{"actions": "write", "administration": "write", "metadata": "read"}
	if diff := cmp.Diff(want, created["permissions"]); diff != "" {
		t.Error(diff)
	}
	w.expect(http.StatusNotFound, "", "POST", "/app-manifests/"+code+"/conversions", nil)
	w.expect(http.StatusNotFound, "", "POST", "/app-manifests/unknown/conversions", nil)
	w.step(2 * time.Hour)
	w.expect(http.StatusNotFound, "", "POST", "/app-manifests/"+late+"/conversions", nil)
}

func TestAManifestIsReadStrictly(t *testing.T) {
	w := start(t, nil)
	for says, change := range map[string]func(map[string]any){
		`&#34;url&#34; wasn&#39;t supplied`: func(m map[string]any) { m["hook_attributes"] = map[string]any{"active": false} },
		"public Internet":                   func(m map[string]any) { m["hook_attributes"] = map[string]any{"url": "http://localhost:8080/webhook"} },
		"redirect_url":                      func(m map[string]any) { delete(m, "redirect_url") },
		"maximum is 34":                     func(m map[string]any) { m["name"] = strings.Repeat("x", 35) },
		"Default permissions":               func(m map[string]any) { m["default_permissions"] = map[string]string{"everything": "write"} },
		"Default events":                    func(m map[string]any) { m["default_events"] = []string{"push"} },
	} {
		shown := w.submit("/settings/apps/new", url.Values{"manifest": {manifest(change)}})
		if shown.Status != http.StatusUnprocessableEntity || !strings.Contains(string(shown.Body), says) {
			t.Errorf("want %q: %d %s", says, shown.Status, shown.Body)
		}
	}
	if shown := w.submit("/settings/apps/new", url.Values{"manifest": {"{"}}); shown.Status != http.StatusUnprocessableEntity {
		t.Errorf("no JSON: %d", shown.Status)
	}
}

func TestAPrivateAppIsInstalledAtItsOwnerOnly(t *testing.T) {
	w := start(t, nil)
	w.expect(http.StatusCreated, "", "POST", "/app-manifests/"+w.create(manifest(nil))+"/conversions", nil)
	if got := w.submit("/apps/fleet-of-acme/installations", url.Values{"account": {"stranger"}}); got.Status != http.StatusNotFound {
		t.Errorf("a stranger: %d", got.Status)
	}
	page := w.callOn(w.sim.Handler(), "", "GET", "/apps/fleet-of-acme/installations/new", nil)
	if page.Status != http.StatusOK || !strings.Contains(string(page.Body), "acme/shop") {
		t.Errorf("%d %s", page.Status, page.Body)
	}
	for range 2 { // the second time it changes what there is
		if got := w.submit("/apps/fleet-of-acme/installations", url.Values{"account": {"acme"}, "repository": {"acme/shop"}}); got.Status != http.StatusOK {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	taken := w.submit("/organizations/acme/settings/apps", url.Values{"manifest": {manifest(nil)}, "name": {"Fleet of acme"}})
	if taken.Status != http.StatusUnprocessableEntity || !strings.Contains(string(taken.Body), "already taken") {
		t.Errorf("%d %s", taken.Status, taken.Body)
	}
}
