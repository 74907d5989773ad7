package awssim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
)

// template is a launch template. Its versions are never changed, so they may be read without the server's lock.
type template struct {
	number   int
	id, name string
	created  time.Time
	tags     map[string]string
	base     int // the number of the default version
	versions []*version
}

type version struct {
	template    *template
	number      int
	created     time.Time
	description string
	data        launchData
}

// templateRef names a template, by its id or its name.
type templateRef struct {
	ID   string `form:"LaunchTemplateId"`
	Name string `form:"LaunchTemplateName"`
}

// template finds a template. The server's lock is held.
func (r request) template(ref templateRef) (*template, error) {
	switch {
	case ref.ID != "" && ref.Name != "":
		return nil, r.refuse(codeCombination, "Either the launch template ID or the launch template name is given, not both.")
	case ref.ID == "" && ref.Name == "":
		return nil, r.refuse("MissingParameter", "The request must contain the parameter LaunchTemplateId or LaunchTemplateName")
	case ref.Name != "":
		t, ok := r.in.named[ref.Name]
		if !ok {
			return nil, r.refuse(codeTemplateNoName, "The specified launch template, with template name %s, does not exist.", ref.Name)
		}
		return t, nil
	case !hasForm(ref.ID, "lt"):
		return nil, r.refuse(codeTemplateBadID, "Invalid id: \"%s\" (expecting \"lt-...\")", ref.ID)
	default:
		t, ok := r.in.templates[ref.ID]
		if !ok {
			return nil, r.refuse(codeTemplateNoID, "The specified launch template, with template ID %s, does not exist.", ref.ID)
		}
		return t, nil
	}
}

// version finds a version by its number, $Latest or $Default. The server's lock is held.
func (r request) version(t *template, wanted string) (*version, error) {
	var number int
	switch wanted {
	case "$Latest":
		number = len(t.versions)
	case "$Default":
		number = t.base
	default:
		var err error
		if number, err = strconv.Atoi(wanted); err != nil {
			return nil, r.refuse("InvalidParameterValue", "Invalid launch template version: either '$Default', '$Latest', or a numeric version is allowed.")
		}
	}
	if number < 1 || number > len(t.versions) {
		return nil, r.refuse(codeTemplateNoVersion, "Could not find the specified version %s for the launch template with ID %s.", wanted, t.id)
	}
	return t.versions[number-1], nil
}

// creator is who does everything here.
func (s *Server) creator() string { return "arn:aws:iam::" + s.account + ":root" }

type templateItem struct {
	ID      string `xml:"launchTemplateId"`
	Name    string `xml:"launchTemplateName"`
	Created string `xml:"createTime"`
	By      string `xml:"createdBy"`
	Default int    `xml:"defaultVersionNumber"`
	Latest  int    `xml:"latestVersionNumber"`
	Tags    []tag  `xml:"tagSet>item"`
}

func (r request) templateItem(t *template) templateItem {
	return templateItem{t.id, t.name, query.Stamp(t.created), r.creator(), t.base, len(t.versions), tagList(t.tags)}
}

type versionItem struct {
	ID          string     `xml:"launchTemplateId"`
	Name        string     `xml:"launchTemplateName"`
	Number      int        `xml:"versionNumber"`
	Description string     `xml:"versionDescription,omitempty"`
	Created     string     `xml:"createTime"`
	By          string     `xml:"createdBy"`
	Default     bool       `xml:"defaultVersion"`
	Data        launchData `xml:"launchTemplateData"`
}

func (r request) versionItem(v *version) versionItem {
	t := v.template
	return versionItem{t.id, t.name, v.number, v.description, query.Stamp(v.created), r.creator(), v.number == t.base, v.data}
}

// key orders templates by their creation.
func (t *template) key() string { return fmt.Sprintf("%09d", t.number) }

// key orders versions by template, then number.
func (v *version) key() string { return fmt.Sprintf("%s/%09d", v.template.key(), v.number) }
