package settings

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// The schemes of backends. SQLite and files are built in and belong to one server; the others are services that several share.
const (
	SchemeSQLite   = "sqlite://"
	SchemeDynamoDB = "dynamodb://"
	SchemeSQS      = "sqs://"
	SchemeFile     = "file://"
	SchemeS3       = "s3://"
)

// Backend is a backend's address, taken apart.
type Backend struct {
	Scheme string
	Name   string // of the file, the folder, the table, the queue or the bucket
	Prefix string // of keys in a bucket, without slashes around it; empty for none
	Region string // empty: the environment's
}

// Shared says whether several servers can use the backend.
func (b Backend) Shared() bool { return b.Scheme != SchemeSQLite && b.Scheme != SchemeFile }

// The names that the services allow (Amazon DynamoDB Developer Guide, "Naming rules"; Amazon SQS API Reference,
// "CreateQueue", less the characters of the dead letters' suffix; Amazon S3 User Guide, "General purpose bucket naming
// rules"). A prefix has what needs no escaping in an address or a policy.
var (
	tableName  = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
	queueName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,70}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixName = regexp.MustCompile(`^([A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*)?$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

// ParseBackend reads the address of a store, a queue or a blob store; schemes are those that it may have.
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
	switch b.Scheme {
	case SchemeSQS:
		allowed, what = queueName, "a queue has up to 70 letters, digits, underscores and hyphens"
	case SchemeS3:
		allowed, what = bucketName, "a bucket has 3 to 63 small letters, digits, points and hyphens"
		b.Name, b.Prefix, _ = strings.Cut(b.Name, "/")
	default:
	}
	if !allowed.MatchString(b.Name) {
		return Backend{}, fmt.Errorf("%q: %q is no name: %s", address, b.Name, what) //nolint:err113 // shown
	}
	if !prefixName.MatchString(b.Prefix) {
		return Backend{}, fmt.Errorf("%q: %q is no prefix: write letters, digits, underscores, points and hyphens, with single slashes between them", //nolint:err113 // shown
			address, b.Prefix)
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
		out[i] = s + map[string]string{
			SchemeSQLite: "FILE", SchemeDynamoDB: "TABLE", SchemeSQS: "QUEUE", SchemeFile: "FOLDER", SchemeS3: "BUCKET/PREFIX",
		}[s]
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

// BlobBackend is the blob store's address, taken apart.
func (s Settings) BlobBackend() (Backend, error) {
	return ParseBackend(s.Blob, SchemeFile, SchemeS3)
}

// Path returns the file or the folder of a backend's address: relative ones are in the data directory.
func (s Settings) Path(address string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(address, SchemeSQLite), SchemeFile)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Data, path)
}
