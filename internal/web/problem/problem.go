// Package problem writes errors of HTTP as RFC 9457 has them.
package problem

import (
	"encoding/json"
	"net/http"
)

// ContentType is the media type of a Problem.
const ContentType = "application/problem+json"

// Problem is the body of an answer that is no success. Detail says what to do where there is something to be done.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Write answers with a problem.
func Write(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{Title: http.StatusText(status), Status: status, Detail: detail}) //nolint:errchkjson // then the client has gone
}
