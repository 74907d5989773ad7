package awsclient_test

import (
	"net/http"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

func TestTheSDKsFormOfTheClientHasTheSameSettings(t *testing.T) {
	plain, ok := awsclient.HTTP().Transport.(*http.Transport)
	if !ok {
		t.Fatalf("the transport is a %T", awsclient.HTTP().Transport)
	}
	built := awsclient.Buildable().GetTransport()
	if built.TLSHandshakeTimeout != plain.TLSHandshakeTimeout || built.ResponseHeaderTimeout != plain.ResponseHeaderTimeout ||
		built.IdleConnTimeout != plain.IdleConnTimeout || built.MaxIdleConns != plain.MaxIdleConns ||
		built.MaxIdleConnsPerHost != plain.MaxIdleConnsPerHost || built.ForceAttemptHTTP2 != plain.ForceAttemptHTTP2 || built.Proxy == nil {
		t.Errorf("built %+v, want the settings of %+v", built, plain)
	}
}
