// Package secret keeps secrets current that may be replaced while the server runs: where they are kept is a reference, and
// what they are is read again every few minutes and whenever one turns out to be wrong. The services that keep secrets are
// in the folder below.
package secret

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Kind is where a secret is kept.
type Kind int

// The places.
const (
	File Kind = iota
	SSM
	SecretsManager
)

// The beginnings of references. What has none of them is the path of a file.
const (
	schemeSSM            = "ssm:"
	schemeSecretsManager = "secretsmanager:"
)

// Reference names a place of a secret. It is no secret itself.
type Reference struct {
	Kind Kind
	Name string // the file's path, the parameter's or the secret's name or ARN
	// Region is that of the service, empty for the environment's.
	Region string
}

// String is the reference as a setting has it.
func (r Reference) String() string {
	text := map[Kind]string{SSM: schemeSSM, SecretsManager: schemeSecretsManager}[r.Kind] + r.Name
	if r.Kind != File && r.Region != "" && !strings.HasPrefix(r.Name, "arn:") {
		text += "?region=" + r.Region
	}
	return text
}

// What names may be (AWS Systems Manager API, "PutParameter"; AWS Secrets Manager API, "CreateSecret"; an ARN is either's
// with its region).
var (
	parameterName = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)
	secretName    = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]+$`)
	resource      = regexp.MustCompile(`^arn:aws[a-z-]*:(ssm|secretsmanager):([a-z0-9-]+):\d{12}:(parameter/|secret:)\S+$`)
	region        = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

// Parse reads a reference: ssm:NAME, secretsmanager:NAME, either with ?region=REGION, or the path of a file.
func Parse(text string) (Reference, error) {
	var r Reference
	var name string
	var ok bool
	if name, ok = strings.CutPrefix(text, schemeSSM); ok {
		r.Kind = SSM
	} else if name, ok = strings.CutPrefix(text, schemeSecretsManager); ok {
		r.Kind = SecretsManager
	} else {
		return Reference{Kind: File, Name: text}, nil
	}
	name, query, _ := strings.Cut(name, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return Reference{}, fmt.Errorf("%q: after the question mark only region=REGION may stand: %w", text, err)
	}
	for key := range values {
		if key != "region" {
			return Reference{}, fmt.Errorf("%q: %q is no option of a secret's place: only region=REGION is", text, key)
		}
	}
	r.Name, r.Region = name, values.Get("region")
	if values.Has("region") && !region.MatchString(r.Region) {
		return Reference{}, fmt.Errorf("%q: %q is no region: write one such as eu-west-1", text, r.Region)
	}
	return r, r.check(text)
}

// check checks the name, and takes the region from an ARN.
func (r *Reference) check(text string) error {
	service, allowed := "ssm", parameterName
	example := "a parameter, such as " + schemeSSM + "/runs-fleet/webhook-secret"
	if r.Kind == SecretsManager {
		service, allowed = "secretsmanager", secretName
		example = "a secret, such as " + schemeSecretsManager + "runs-fleet/webhook-secret"
	}
	if !strings.HasPrefix(r.Name, "arn:") {
		if !allowed.MatchString(r.Name) {
			return fmt.Errorf("%q names no secret: write the name of %s", text, example)
		}
		return nil
	}
	parts := resource.FindStringSubmatch(r.Name)
	if len(parts) == 0 || parts[1] != service {
		return fmt.Errorf("%q is no ARN of that service: write the name of %s", text, example)
	}
	if r.Region != "" && r.Region != parts[2] {
		return fmt.Errorf("%q names two regions: leave out ?region=%s", text, r.Region)
	}
	r.Region = parts[2]
	return nil
}

// errEmpty says that a place holds nothing.
var errEmpty = errors.New("it is empty: put the secret there")
