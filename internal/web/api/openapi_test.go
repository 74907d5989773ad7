package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// document is the API's own description, as programs get it.
type document struct {
	t      *testing.T
	root   map[string]any
	schema *jsonschema.Compiler
	// answered are the operations and statuses of which an answer was seen.
	answered map[string]bool
}

func readDocument(t *testing.T, w *webtest.World) *document {
	t.Helper()
	_, body := get(t, w, "/api/v1/openapi.json")
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	strict(root)
	d := &document{t: t, root: root.(map[string]any), schema: jsonschema.NewCompiler(), answered: map[string]bool{}}
	d.schema.DefaultDraft(jsonschema.Draft2020)
	d.schema.AssertFormat()
	if err := d.schema.AddResource("https://api.test/openapi.json", d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// strict forbids fields that are not described: clients have to bear them, the document has to name them.
func strict(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" {
			if _, free := v["additionalProperties"].(map[string]any); !free {
				v["additionalProperties"] = false
			}
		}
		for _, x := range v {
			strict(x)
		}
	case []any:
		for _, x := range v {
			strict(x)
		}
	}
}

func pointer(parts ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	out := "https://api.test/openapi.json#"
	for _, p := range parts {
		out += "/" + escape.Replace(p)
	}
	return out
}

// check holds an answer against what the document says of it.
func (d *document) check(method, template string, resp *http.Response, body string) {
	d.t.Helper()
	status := strconv.Itoa(resp.StatusCode)
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	where := []string{"paths", "/api/v1" + template, strings.ToLower(method), "responses", status, "content", kind, "schema"}
	at := any(d.root)
	for _, p := range where {
		m, _ := at.(map[string]any)
		next, ok := m[p]
		if !ok {
			d.t.Errorf("%s %s answers %s %s, which the document does not have (%s)", method, template, status, kind, p)
			return
		}
		at = next
	}
	schema, err := d.schema.Compile(pointer(where...))
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, template, err)
	}
	var value any = body
	if strings.Contains(kind, "json") {
		if value, err = jsonschema.UnmarshalJSON(strings.NewReader(body)); err != nil {
			d.t.Fatalf("%s %s: %v", method, template, err)
		}
	}
	if err := schema.Validate(value); err != nil {
		d.t.Errorf("%s %s answers %s %s: %v", method, template, status, body, err)
	}
	d.answered[method+" "+template+" "+status] = true
}

func post(t *testing.T, w *webtest.World, path, token string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.HTTP.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := w.HTTP.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestEveryAnswerIsAsTheDocumentSays(t *testing.T) {
	w := webtest.New(t)
	w.Scene(t)
	w.PutJobs(t, webtest.Job(1, nil), webtest.Job(2, webtest.Ended("success")))
	w.SetLog(2, "a log\n")
	d := readDocument(t, w)
	const first = 39_201_480_000
	job := func(n int) string { return strconv.Itoa(first + n) }
	for _, tt := range []struct{ template, path string }{
		{"/jobs", "/jobs"},
		{"/jobs", "/jobs?limit=2"},
		{"/jobs", "/jobs?q=nothing+like+this"},
		{"/jobs", "/jobs?state=completed&repository=acme/shop"},
		{"/jobs", "/jobs?cursor=x"},
		{"/jobs", "/jobs?state=running"},
		{"/jobs/{id}", "/jobs/1"},
		{"/jobs/{id}", "/jobs/7"},
		{"/jobs/{id}", "/jobs/x"},
		{"/jobs/{id}/why", "/jobs/1/why"},
		{"/jobs/{id}/why", "/jobs/7/why"},
		{"/jobs/{id}/log", "/jobs/2/log"},
		{"/jobs/{id}/log", "/jobs/1/log"},
		{"/jobs/{id}/log", "/jobs/" + job(1) + "/log"},
		{"/jobs/{id}/log", "/jobs/" + job(12) + "/log"},
		{"/jobs/{host}/{id}", "/jobs/github.com/" + job(1)},
		{"/jobs/{host}/{id}", "/jobs/github.com/" + job(3)},
		{"/jobs/{host}/{id}", "/jobs/github.com/" + job(5)},
		{"/jobs/{host}/{id}", "/jobs/github.com/" + job(6)},
		{"/jobs/{host}/{id}", "/jobs/github.com/" + job(11)},
		{"/jobs/{host}/{id}", "/jobs/elsewhere.example/1"},
		{"/jobs/{host}/{id}/why", "/jobs/github.com/" + job(4) + "/why"},
		{"/jobs/{host}/{id}/log", "/jobs/github.com/" + job(11) + "/log"},
		{"/machines", "/machines"},
		{"/machines", "/machines?ended=true&limit=1"},
		{"/machines", "/machines?cursor=x"},
		{"/machines/{environment}/{region}/{id}", "/machines/default/eu-west-1/i-0c40"},
		{"/machines/{environment}/{region}/{id}", "/machines/default/eu-west-1/i-0c41"},
		{"/machines/{environment}/{region}/{id}", "/machines/a/b/c"},
		{"/machines/{environment}/{region}/{id}/logs/{log}", "/machines/default/eu-west-1/i-0c40/logs/console"},
		{"/machines/{environment}/{region}/{id}/logs/{log}", "/machines/a/b/c/logs/runner"},
		{"/machines/{environment}/{region}/{id}/logs/{log}", "/machines/a/b/c/logs/other"},
		{"/queue/dead", "/queue/dead"},
		{"/queue/dead", "/queue/dead?limit=1"},
		{"/queue/dead", "/queue/dead?limit=0"},
		{"/status", "/status"},
		{"/status", "/status?colour=red"},
	} {
		resp, body := get(t, w, "/api/v1"+tt.path)
		d.check(http.MethodGet, tt.template, resp, body)
	}
	for _, path := range []string{"/drain", "/login-urls", "/queue/redrive"} {
		for _, token := range []string{webtest.Token, "wrong"} {
			resp, body := post(t, w, "/api/v1"+path, token)
			d.check(http.MethodPost, path, resp, body)
		}
	}
	d.everyOperationAnswered()
}

// everyOperationAnswered makes sure that a new operation gets its lines above.
func (d *document) everyOperationAnswered() {
	d.t.Helper()
	for path, item := range d.root["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			o := operation.(map[string]any)
			if o["description"] == nil || o["summary"] == nil || o["tags"] == nil {
				d.t.Errorf("%s %s is not described", method, path)
			}
			for status := range o["responses"].(map[string]any) {
				name := strings.ToUpper(method) + " " + strings.TrimPrefix(path, "/api/v1") + " " + status
				if strings.HasPrefix(status, "2") && !d.answered[name] {
					d.t.Errorf("no answer of %s was seen", name)
				}
			}
		}
	}
}

func TestExamplesAreWhatTheirSchemasSay(t *testing.T) {
	w := webtest.New(t)
	d := readDocument(t, w)
	examples := 0
	for path, item := range d.root["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			responses := operation.(map[string]any)["responses"].(map[string]any)
			for status, response := range responses {
				content, _ := response.(map[string]any)["content"].(map[string]any)
				for kind, media := range content {
					example, ok := media.(map[string]any)["example"]
					if !ok {
						continue
					}
					examples++
					schema, err := d.schema.Compile(pointer("paths", path, method, "responses", status, "content", kind, "schema"))
					if err != nil {
						t.Fatal(err)
					}
					if err := schema.Validate(example); err != nil {
						t.Errorf("%s %s %s: %v", method, path, status, err)
					}
				}
			}
		}
	}
	const atLeast = 50
	if examples < atLeast {
		t.Errorf("only %d examples", examples)
	}
}

// Tools that know OpenAPI 3.0 only get the same document in that version; here one of them reads it.
func TestTheDocumentInTheOlderVersionIsValid(t *testing.T) {
	_, body := get(t, webtest.New(t), "/api/v1/openapi-3.0.json")
	if !json.Valid([]byte(body)) {
		t.Fatal("no JSON")
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAListIsWholeWhenItsCursorsAreFollowed(t *testing.T) {
	w := webtest.New(t)
	for i := range 7 {
		w.PutMachines(t, webtest.Machine(fmt.Sprintf("m%d", i), fleet.MachineReady))
		w.PutJobs(t, webtest.Job(int64(i+1), nil))
	}
	for _, list := range []string{"/api/v1/jobs?limit=3", "/api/v1/machines?limit=3"} {
		seen, pages := 0, 0
		for next, more := "", true; more; pages++ {
			path := list
			if next != "" {
				path += "&cursor=" + next
			}
			_, body := get(t, w, path)
			page := decode[struct {
				Jobs, Machines []json.RawMessage
				Next           string
			}](t, body)
			seen += len(page.Jobs) + len(page.Machines)
			next, more = page.Next, page.Next != ""
		}
		if seen != 7 || pages != 3 {
			t.Errorf("%s: %d entries on %d pages", list, seen, pages)
		}
	}
}
