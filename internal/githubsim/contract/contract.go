// Package contract holds requests, answers and webhooks to GitHub's own published description of them. It is for tests:
// scripts/fetch-github-contract.sh obtains the description. Reading it takes a part of a second, so a test package loads
// it once.
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Folder is where the script puts the description, below the folder of go.mod.
const Folder = ".cache/github-contract"

const command = "scripts/fetch-github-contract.sh"

// Contract is GitHub's description. It is safe for concurrent use.
type Contract struct {
	description *description
	paths       []path

	mu         sync.Mutex
	operations map[string]*openapi3.T      // by the template of their path, as far as they were asked for
	schemas    map[string]*openapi3.Schema // of webhooks, likewise
}

// path is one path of the description, split at its slashes.
type path struct {
	template string
	segments []string
	methods  map[string]bool
}

// Load reads the description. Its error says which command fetches it when it is missing.
func Load() (*Contract, error) {
	d, err := readDescription()
	if err != nil {
		return nil, err
	}
	paths, err := d.paths()
	if err != nil {
		return nil, err
	}
	return &Contract{description: d, paths: paths, operations: map[string]*openapi3.T{}, schemas: map[string]*openapi3.Schema{}}, nil
}

// remembered builds a part of the description when it is asked for the first time.
func remembered[T any](mu *sync.Mutex, known map[string]T, name string, build func(string) (T, error)) (T, error) {
	mu.Lock()
	defer mu.Unlock()
	if part, ok := known[name]; ok {
		return part, nil
	}
	part, err := build(name)
	if err == nil {
		known[name] = part
	}
	return part, err
}

// Find returns the path of a file that the script has fetched, such as webhooks-examples/api.github.com/index.json.
func Find(name string) (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding GitHub's description: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("finding GitHub's description: the tests run outside of the project")
		}
		folder = parent
	}
	file := filepath.Join(folder, Folder, name)
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("GitHub's description is missing: run %s (%w)", command, err)
	}
	return file, nil
}

// operation is what a request asks for.
type operation struct {
	route  *routers.Route
	params map[string]string
}

// find matches a request to the description: a literal segment is better than a parameter, and only the last parameter
// of contents spans slashes.
func (c *Contract) find(r *http.Request) (operation, error) {
	url := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3")
	segments := strings.Split(url, "/")
	if len(segments) > contentsDepth && segments[1] == "repos" && segments[4] == "contents" {
		segments = append(segments[:contentsDepth:contentsDepth], strings.Join(segments[contentsDepth:], "%2F"))
	}
	var best *path
	literals := -1
	for i := range c.paths {
		n, ok := c.paths[i].match(segments)
		if ok && n > literals && c.paths[i].methods[r.Method] {
			best, literals = &c.paths[i], n
		}
	}
	if best == nil {
		return operation{}, ErrUndocumented
	}
	document, err := remembered(&c.mu, c.operations, best.template, c.description.operation)
	if err != nil {
		return operation{}, err
	}
	item := document.Paths.Value(best.template)
	params := map[string]string{}
	for i, segment := range best.segments {
		if name, ok := parameter(segment); ok {
			params[name] = segments[i]
		}
	}
	return operation{params: params, route: &routers.Route{
		Spec: document, Path: best.template, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method),
	}}, nil
}

const contentsDepth = 5 // segments of /repos/OWNER/NAME/contents

func (p path) match(segments []string) (literals int, ok bool) {
	if len(segments) != len(p.segments) {
		return 0, false
	}
	for i, segment := range p.segments {
		if _, variable := parameter(segment); variable && segments[i] != "" {
			continue
		}
		if segment != segments[i] {
			return 0, false
		}
		literals++
	}
	return literals, true
}

func parameter(segment string) (string, bool) {
	if name, ok := strings.CutPrefix(segment, "{"); ok {
		return strings.TrimSuffix(name, "}"), true
	}
	return "", false
}

// ErrUndocumented is an operation that GitHub does not have.
var ErrUndocumented = errors.New("GitHub's description has no such operation")

// request validates a request and returns the input that its answer needs. The body stays readable.
func (c *Contract) request(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	found, err := c.find(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: found.params, Route: found.route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return input, fmt.Errorf("the request %s %s is not what GitHub describes: %w", r.Method, r.URL.Path, err)
	}
	return input, nil
}

// answer validates an answer. Bodies in a media type that is not described, such as raw contents, are not looked at.
func (c *Contract) answer(ctx context.Context, input *openapi3filter.RequestValidationInput, status int, header http.Header, body []byte) error {
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	options.ExcludeResponseBody = len(body) > 0 && !strings.HasPrefix(header.Get("Content-Type"), "application/json")
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header, Options: options, Body: io.NopCloser(bytes.NewReader(body)),
	}
	if err := openapi3filter.ValidateResponse(ctx, response); err != nil {
		return fmt.Errorf("the answer %d to %s %s is not what GitHub describes: %w", status, input.Request.Method, input.Request.URL.Path, err)
	}
	return nil
}

// Webhook validates the body of a webhook by GitHub's schema of its event and action.
func (c *Contract) Webhook(event string, body []byte) error {
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("reading the webhook %s: %w", event, err)
	}
	name := "webhook-" + strings.ReplaceAll(event, "_", "-")
	if action, ok := value["action"].(string); ok {
		name += "-" + strings.ReplaceAll(action, "_", "-")
	}
	schema, err := remembered(&c.mu, c.schemas, name, c.description.schema)
	if err != nil {
		return err
	}
	if err := schema.VisitJSON(value); err != nil {
		return fmt.Errorf("the webhook is not what GitHub describes as %s: %w", name, err)
	}
	return nil
}
