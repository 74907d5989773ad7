package settings

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// The schemes of backends. SQLite is built in and belongs to one server; the others are services that several share.
const (
	SchemeSQLite   = "sqlite://"
	SchemeDynamoDB = "dynamodb://"
	SchemeSQS      = "sqs://"
)

// Backend is a backend's address, taken apart.
type Backend struct {
	Scheme string
	Name   string // of the file, the table or the queue
	Region string // empty: the environment's
}

// Shared says whether several servers can use the backend.
func (b Backend) Shared() bool { return b.Scheme != SchemeSQLite }

// The names that the services allow (Amazon DynamoDB Developer Guide, "Naming rules"; Amazon SQS API Reference,
// "CreateQueue", less the characters of the dead letters' suffix).
var (
	tableName  = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
	queueName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,70}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

// ParseBackend reads the address of a store or a queue; schemes are those that it may have.
func ParseBackend(address string, schemes ...string) (Backend, error) {
	for _, scheme := range schemes {
		rest, ok := strings.CutPrefix(address, scheme)
		if !ok {
			continue
		}
		b := Backend{Scheme: scheme, Name: rest}
		if !b.Shared() {
			if rest == "" {
				break
			}
			return b, nil
		}
		return parseService(b, address)
	}
	return Backend{}, fmt.Errorf("%q names no backend that this version has: write %s", address, choices(schemes)) //nolint:err113 // shown
}

func parseService(b Backend, address string) (Backend, error) {
	name, query, _ := strings.Cut(b.Name, "?")
	b.Name = strings.TrimSuffix(name, "/")
	allowed, what := tableName, "a table has 3 to 255 letters, digits, underscores, points and hyphens"
	if b.Scheme == SchemeSQS {
		allowed, what = queueName, "a queue has up to 70 letters, digits, underscores and hyphens"
	}
	if !allowed.MatchString(b.Name) {
		return Backend{}, fmt.Errorf("%q: %q is no name: %s", address, b.Name, what) //nolint:err113 // shown
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Backend{}, fmt.Errorf("%q: after the question mark only region=REGION may stand: %w", address, err)
	}
	for key := range values {
		if key != "region" {
			return Backend{}, fmt.Errorf("%q: %q is no option of a backend: only region=REGION is", address, key) //nolint:err113 // shown
		}
	}
	b.Region = values.Get("region")
	if values.Has("region") && !regionName.MatchString(b.Region) {
		return Backend{}, fmt.Errorf("%q: %q is no region: write one such as eu-west-1", address, b.Region) //nolint:err113 // shown
	}
	return b, nil
}

func choices(schemes []string) string {
	out := make([]string, len(schemes))
	for i, s := range schemes {
		out[i] = s + map[string]string{SchemeSQLite: "FILE", SchemeDynamoDB: "TABLE", SchemeSQS: "QUEUE"}[s]
	}
	return strings.Join(out, " or ")
}

// StoreBackend is the store's address, taken apart.
func (s Settings) StoreBackend() (Backend, error) {
	return ParseBackend(s.Store, SchemeSQLite, SchemeDynamoDB)
}

// QueueBackend is the queue's address, taken apart.
func (s Settings) QueueBackend() (Backend, error) {
	return ParseBackend(s.Queue, SchemeSQLite, SchemeSQS)
}

// Path returns the file of a backend's address: relative ones are in the data directory.
func (s Settings) Path(address string) string {
	path := strings.TrimPrefix(address, SchemeSQLite)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Data, path)
}
