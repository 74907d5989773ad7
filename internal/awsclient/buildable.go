package awsclient

import (
	"net"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Buildable is HTTP in the form that the SDK can add to what its own settings say of HTTP, such as the authorities of
// AWS_CA_BUNDLE: with any other client it refuses to start.
func Buildable() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) {
		d.Timeout, d.KeepAlive = dialTimeout, keepAlive
	}).WithTransportOptions(func(t *http.Transport) {
		t.TLSHandshakeTimeout, t.ResponseHeaderTimeout, t.IdleConnTimeout = dialTimeout, answerTimeout, idleTimeout
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, idlePerService
	})
}
