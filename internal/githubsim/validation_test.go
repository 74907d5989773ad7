package githubsim_test

import (
	"net/http"
	"testing"
)

func validated(_ *testing.T, h http.Handler) http.Handler { return h }

func validateWebhook(_ *testing.T, _ string, _ []byte) {}
