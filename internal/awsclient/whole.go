package awsclient

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxWhole is the largest body that is held in memory twice: those of DynamoDB and SQS, which take hardly larger ones, and
// those of S3 but for the parts of long objects.
const maxWhole = 2 << 20

// whole is a client whose requests have bodies that net/http knows to be in memory.
type whole struct {
	next aws.HTTPClient
}

// WholeBodies returns a client that sends bodies which net/http knows to be in memory. The SDK's own are not, so net/http
// writes them to the connection as they are read, and reads once more to see their end; the SDK closes them as soon as an
// answer is there. Where an answer is faster than that last read, net/http takes the request for broken and cuts the
// connection while the answer is being read: a few calls in 10,000 on loopback, whose outcome is then unknown. No client
// stands for that of HTTP.
func WholeBodies(next aws.HTTPClient) aws.HTTPClient {
	if next == nil {
		next = HTTP()
	}
	return whole{next}
}

// Do implements aws.HTTPClient.
func (w whole) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > maxWhole {
		return w.next.Do(r) //nolint:wrapcheck // as if it were not here
	}
	body, err := io.ReadAll(r.Body)
	if closeErr := r.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	same := r.Clone(r.Context())
	same.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	same.Body, _ = same.GetBody()
	return w.next.Do(same) //nolint:wrapcheck // as if it were not here
}
