package github_test

import (
	"net/http"
	"testing"
)

func validated(_ *testing.T, h http.Handler) http.Handler { return h }
