package awssim

import (
	"crypto/sha256"
	"reflect"
	"regexp"
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// Quotas of page "launch-template-restrictions".
const (
	maxTemplates = 5_000
	maxVersions  = 10_000
)

// maxTemplateToken is how long the token of these actions is (page "API_CreateLaunchTemplate").
const maxTemplateToken = 128

var templateName = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)

// spentToken is what a client token was used for, and the answer.
type spentToken struct {
	digest [sha256.Size]byte
	answer any
}

type createTemplate struct {
	dry
	Token       string     `form:"ClientToken"`
	Name        string     `form:"LaunchTemplateName"`
	Data        launchData `form:"LaunchTemplateData"`
	Description string     `form:"VersionDescription"`
	Tags        []tagsFor  `form:"TagSpecification"`
}

type templateAnswer struct {
	Template templateItem `xml:"launchTemplate"`
}

// createTemplate is the action CreateLaunchTemplate (page "API_CreateLaunchTemplate").
func (r request) createTemplate(p createTemplate) (any, error) {
	if p.Name == "" {
		return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter LaunchTemplateName")
	}
	if !templateName.MatchString(p.Name) {
		return nil, r.refuse(codeTemplateName, "A launch template name must be between 3 and 128 characters, "+
			"and may contain letters, numbers, and the following characters: - ( ) . / _.")
	}
	if err := r.checkData(p.Data, p.Description); err != nil {
		return nil, err
	}
	tags, err := readTags(r, p.Tags, "launch-template")
	if err != nil {
		return nil, err
	}
	return r.once(p.Token, p.DryRun, func() (func() any, error) {
		if _, taken := r.in.named[p.Name]; taken {
			return nil, r.refuse(codeTemplateExists, "Launch template name already in use.")
		}
		if len(r.in.templates) >= maxTemplates {
			return nil, r.refuse("LaunchTemplateLimitExceeded", "the region has %d launch templates, which is the most", maxTemplates)
		}
		return func() any {
			r.in.made++
			t := &template{
				number: r.in.made, id: resourceID("lt", r.in.name, p.Name, strconv.Itoa(r.in.made)), name: p.Name,
				created: r.now(), tags: tags["launch-template"], base: 1,
			}
			t.versions = []*version{{template: t, number: 1, created: t.created, description: p.Description, data: p.Data}}
			r.in.templates[t.id], r.in.named[t.name] = t, t
			return templateAnswer{r.templateItem(t)}
		}, nil
	})
}

func (r request) checkData(d launchData, description string) error {
	const maxDescription = 255
	if len(description) > maxDescription {
		return r.refuse(sim.CodeInvalidParameter, "a version's description has at most %d characters", maxDescription)
	}
	if reflect.ValueOf(d).IsZero() {
		return r.refuse(sim.CodeMissingParameter, "The request must contain the parameter LaunchTemplateData, with at least one parameter in it")
	}
	return d.check(r)
}

// once does something under the server's lock and remembers the answer under the token: the same request gets it again, and
// another with the token is refused (page "ec2-api-idempotency"). Do checks, and returns what makes the change.
func (r request) once(token string, dry bool, do func() (func() any, error)) (any, error) {
	if len(token) > maxTemplateToken {
		return nil, r.refuse(sim.CodeInvalidParameter, "the client token has more than %d characters", maxTemplateToken)
	}
	r.form.Del("ClientToken")
	r.form.Del("DryRun")
	digest := sha256.Sum256([]byte(r.form.Encode()))
	key := r.action + " " + token
	r.mu.Lock()
	defer r.mu.Unlock()
	if spent, used := r.in.tokens[key]; used && token != "" {
		if spent.digest != digest {
			return nil, r.refuse(sim.CodeMismatch, "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		return spent.answer, nil
	}
	change, err := do()
	if err != nil {
		return nil, err
	}
	if dry {
		return nil, r.wouldWork()
	}
	answer := change()
	r.in.tokens[key] = spentToken{digest, answer}
	return answer, nil
}

type createVersion struct {
	dry
	templateRef
	Token       string     `form:"ClientToken"`
	Source      string     `form:"SourceVersion"`
	Data        launchData `form:"LaunchTemplateData"`
	Description string     `form:"VersionDescription"`
}

type versionAnswer struct {
	Version versionItem `xml:"launchTemplateVersion"`
}

// createVersion is the action CreateLaunchTemplateVersion. With a source the new version has its parameters, except for those
// that the request gives (page "API_CreateLaunchTemplateVersion").
func (r request) createVersion(p createVersion) (any, error) {
	if err := r.checkData(p.Data, p.Description); err != nil {
		return nil, err
	}
	return r.once(p.Token, p.DryRun, func() (func() any, error) {
		t, err := r.template(p.templateRef)
		if err != nil {
			return nil, err
		}
		data := p.Data
		if p.Source != "" {
			source, err := r.version(t, p.Source)
			if err != nil {
				return nil, err
			}
			data = inherit(source.data, p.Data)
		}
		if len(t.versions) >= maxVersions {
			return nil, r.refuse("LaunchTemplateVersionLimitExceeded", "the launch template has %d versions, which is the most", maxVersions)
		}
		return func() any {
			v := &version{template: t, number: len(t.versions) + 1, created: r.now(), description: p.Description, data: data}
			t.versions = append(t.versions, v)
			return versionAnswer{r.versionItem(v)}
		}, nil
	})
}

// inherit is the source's data with what is given in its place.
func inherit(source, given launchData) launchData {
	out := reflect.ValueOf(&source).Elem()
	in := reflect.ValueOf(given)
	for i := range in.NumField() {
		if !in.Field(i).IsZero() {
			out.Field(i).Set(in.Field(i))
		}
	}
	return source
}
