package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// description is GitHub's file, of which only what is asked for is ever built: the whole of it takes two seconds and half
// a gigabyte, one operation takes milliseconds.
type description struct {
	OpenAPI    string                                `json:"openapi"`
	Info       json.RawMessage                       `json:"info"`
	Paths      map[string]json.RawMessage            `json:"paths"`
	Components map[string]map[string]json.RawMessage `json:"components"`
}

func readDescription() (*description, error) {
	file, err := Find("api.github.com.json")
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's description: %w", err)
	}
	var d description
	if err := json.Unmarshal(content, &d); err != nil {
		return nil, fmt.Errorf("reading GitHub's description %s: %w", file, err)
	}
	return &d, nil
}

// paths lists the paths in a fixed order, with the methods of each.
func (d *description) paths() ([]path, error) {
	list := make([]path, 0, len(d.Paths))
	for template, raw := range d.Paths {
		var item map[string]json.RawMessage
		if err := json.Unmarshal(raw, &item); err != nil {
			return nil, fmt.Errorf("reading the path %s of GitHub's description: %w", template, err)
		}
		p := path{template: template, segments: strings.Split(template, "/"), methods: map[string]bool{}}
		for method := range item {
			p.methods[strings.ToUpper(method)] = true
		}
		list = append(list, p)
	}
	sort.Slice(list, func(i, k int) bool { return list[i].template < list[k].template })
	return list, nil
}

// operation builds the document of one path. The document is not validated as a whole: GitHub's own paths conflict.
func (d *description) operation(template string) (*openapi3.T, error) {
	document, err := d.build(map[string]json.RawMessage{template: d.Paths[template]}, "#/components/schemas/"+installationSchema)
	if err != nil {
		return nil, fmt.Errorf("building GitHub's description of %s: %w", template, err)
	}
	if template == installationsPath {
		return document, correct(document)
	}
	return document, nil
}

// schema builds one schema, which may be missing.
func (d *description) schema(name string) (*openapi3.Schema, error) {
	if _, ok := d.Components["schemas"][name]; !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrUndocumented)
	}
	document, err := d.build(map[string]json.RawMessage{}, "#/components/schemas/"+name)
	if err != nil {
		return nil, fmt.Errorf("building GitHub's schema %s: %w", name, err)
	}
	return document.Components.Schemas[name].Value, nil
}

// build makes a document of these paths and all components that they or the named one refer to.
func (d *description) build(paths map[string]json.RawMessage, also string) (*openapi3.T, error) {
	components := map[string]map[string]json.RawMessage{}
	queue := []string{also}
	for _, raw := range paths {
		queue = append(queue, references(raw)...)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		kind, name, ok := strings.Cut(strings.TrimPrefix(queue[0], "#/components/"), "/")
		raw, known := d.Components[kind][name]
		if !ok || !known {
			return nil, fmt.Errorf("it refers to %s, which is missing", queue[0])
		}
		if _, done := components[kind][name]; done {
			continue
		}
		if components[kind] == nil {
			components[kind] = map[string]json.RawMessage{}
		}
		components[kind][name] = raw
		queue = append(queue, references(raw)...)
	}
	content, err := json.Marshal(map[string]any{"openapi": d.OpenAPI, "info": d.Info, "paths": paths, "components": components})
	if err != nil {
		return nil, fmt.Errorf("writing a part of it: %w", err)
	}
	document, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		return nil, fmt.Errorf("loading a part of it: %w", err)
	}
	return document, nil
}

func references(raw json.RawMessage) []string {
	pattern := regexp.MustCompile(`"\$ref":\s*"(#/components/[^"]+)"`)
	var found []string
	for _, match := range pattern.FindAllSubmatch(raw, -1) {
		found = append(found, string(match[1]))
	}
	return found
}

const (
	installationsPath  = "/app/installations"
	installationSchema = "installation"
)

// correct mends what GitHub's description says wrongly: in the list of installations an account would have to be a user
// and an enterprise at once, whereas one installation says either.
func correct(document *openapi3.T) error {
	list, installation := document.Paths.Value(installationsPath), document.Components.Schemas[installationSchema]
	if list == nil || list.Get == nil || installation == nil {
		return errors.New("correcting GitHub's description: it has no list of installations any more")
	}
	response := list.Get.Responses.Status(http.StatusOK)
	if response == nil || response.Value == nil {
		return errors.New("correcting GitHub's description: the list of installations has no answer")
	}
	response.Value.Content.Get("application/json").Schema.Value.Items = installation
	return nil
}
