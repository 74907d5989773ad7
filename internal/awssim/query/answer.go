package query

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// Namespace is that of the API version 2016-11-15.
const Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

// Stamp writes a time as EC2 does.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Answer writes the answer to an action: its fields beside the request's id.
func Answer(action, requestID string, body any) ([]byte, error) {
	inner, err := xml.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding the answer of %s: %w", action, err)
	}
	inner = unwrap(inner)
	var out bytes.Buffer
	out.Grow(len(inner) + 256)
	fmt.Fprintf(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%sResponse xmlns=%q><requestId>%s</requestId>", action, Namespace, requestID)
	out.Write(inner)
	fmt.Fprintf(&out, "</%sResponse>", action)
	return out.Bytes(), nil
}

// unwrap takes the element of a struct's own name away.
func unwrap(b []byte) []byte {
	from, to := bytes.IndexByte(b, '>'), bytes.LastIndexByte(b, '<')
	if from < 0 || to <= from {
		return nil
	}
	return b[from+1 : to]
}

type errorDocument struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

// Refusal writes EC2's error document (page "errors-overview", "Example error response").
func Refusal(requestID, code, message string) ([]byte, error) {
	b, err := xml.Marshal(errorDocument{Code: code, Message: message, RequestID: requestID})
	if err != nil {
		return nil, fmt.Errorf("encoding an error document: %w", err)
	}
	return append([]byte(xml.Header), b...), nil
}
