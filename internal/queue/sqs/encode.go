package sqs

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// SQS takes text of the characters that XML has, and attributes with legal names and without empty values. Everything else
// goes into binary attributes, which do not grow: a body into bodyAttribute, beside a text in its place; attributes
// together into packedAttribute.
const (
	bodyAttribute   = "runs-fleet.body"
	packedAttribute = "runs-fleet.attributes"
	bodyElsewhere   = "binary"

	typeString = "String"
	typeBinary = "Binary"
)

// encoded is a message as SQS takes it.
type encoded struct {
	body       string
	attributes map[string]types.MessageAttributeValue
	delay      int32 // seconds
}

func encode(m queue.Outgoing) encoded {
	e := encoded{body: string(m.Body), delay: wholeSeconds(m.Delay), attributes: map[string]types.MessageAttributeValue{}}
	if !legalText(e.body) {
		e.body = bodyElsewhere
		e.attributes[bodyAttribute] = binaryValue(slices.Clone(m.Body))
	}
	if len(e.attributes)+len(m.Attributes) <= queue.MaxAttributes && legalAttributes(m.Attributes) {
		for name, value := range m.Attributes {
			e.attributes[name] = types.MessageAttributeValue{DataType: aws.String(typeString), StringValue: aws.String(value)}
		}
	} else {
		e.attributes[packedAttribute] = binaryValue(pack(m.Attributes))
	}
	return e
}

func binaryValue(b []byte) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String(typeBinary), BinaryValue: b}
}

// bytes is what a message counts against SQS's limits (Amazon SQS Developer Guide, "Message quotas").
func (e encoded) bytes() int {
	n := len(e.body)
	for name, a := range e.attributes {
		n += len(name) + len(aws.ToString(a.DataType)) + len(aws.ToString(a.StringValue)) + len(a.BinaryValue)
	}
	return n
}

// decode returns body and attributes of a message; those of a message that was put in by other means as far as they can
// be had.
func decode(m types.Message) (body []byte, attributes map[string]string) {
	body = []byte(aws.ToString(m.Body))
	put := func(name, value string) {
		if attributes == nil {
			attributes = map[string]string{}
		}
		attributes[name] = value
	}
	for name, a := range m.MessageAttributes {
		switch {
		case name == bodyAttribute:
			body = a.BinaryValue
		case name == packedAttribute:
			unpack(a.BinaryValue, put)
		case strings.HasPrefix(aws.ToString(a.DataType), typeBinary):
			put(name, string(a.BinaryValue))
		default:
			put(name, aws.ToString(a.StringValue))
		}
	}
	return body, attributes
}

// pack writes names and values one after the other, each behind its length.
func pack(attributes map[string]string) []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		for _, s := range []string{name, attributes[name]} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

// unpack undoes pack, up to what is damaged.
func unpack(b []byte, each func(name, value string)) {
	next := func() (string, bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return "", false
		}
		end := size + int(n)
		s := string(b[size:end])
		b = b[end:]
		return s, true
	}
	for len(b) > 0 {
		name, ok := next()
		value, complete := next()
		if !ok || !complete {
			return
		}
		each(name, value)
	}
}

// legalText says whether SQS takes a text: the characters that XML 1.0 has.
func legalText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

const maxNameLength = 256

// legalAttributes says whether SQS takes attributes as they are, and they cannot be taken for ours.
func legalAttributes(attributes map[string]string) bool {
	for name, value := range attributes {
		if !legalName(name) || value == "" || !legalText(value) {
			return false
		}
	}
	return true
}

func legalName(name string) bool {
	for _, reserved := range []string{"aws.", "amazon.", "runs-fleet."} {
		if strings.HasPrefix(strings.ToLower(name), reserved) {
			return false
		}
	}
	dots := strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..")
	return name != "" && len(name) <= maxNameLength && !dots && !strings.ContainsFunc(name, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	})
}
