package awsfault_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service counts the requests that reach it, and answers each with what it was sent.
type service struct {
	*httptest.Server

	reached atomic.Int64
}

func serve(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reached.Add(1)
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "you sent "+string(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// call sends a request of an operation and returns what it brought.
func call(t *testing.T, transport http.RoundTripper, url, target string) (status int, body string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target)
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), errors.Join(err, response.Body.Close())
}

const (
	getItem = "DynamoDB_20120810.GetItem"
	send    = "AmazonSQS.SendMessage"
)

// wants is what a call of a faulty transport has to bring.
type wants struct {
	reached bool // the service
	status  int  // 0: no answer
	body    string
	broken  bool // the answer is
}

func kinds() map[awsfault.Kind]wants {
	return map[awsfault.Kind]wants{
		awsfault.ServerError:      {status: 500, body: "InternalServerError"},
		awsfault.ServerErrorAfter: {reached: true, status: 500, body: "InternalServerError"},
		awsfault.Throttled:        {status: 400, body: "ProvisionedThroughputExceededException"},
		awsfault.TimeoutAfter:     {reached: true},
		awsfault.CutBefore:        {},
		awsfault.CutAfter:         {reached: true},
		awsfault.CutWithin:        {reached: true, status: 200, body: "you s", broken: true},
	}
}

func TestEachKindOfFault(t *testing.T) {
	for kind, want := range kinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := serve(t)
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			faulty := awsfault.NewRandom(transport, awsfault.Rates{kind: 1}, 1, seam.System{})
			status, body, err := call(t, faulty, s.URL, getItem)
			if status != want.status || !strings.Contains(body, want.body) {
				t.Errorf("answer %d %q, %v", status, body, err)
			}
			if failed := want.status == 0 || want.broken; (err != nil) != failed {
				t.Errorf("error %v, want one: %v", err, failed)
			}
			if (s.reached.Load() == 1) != want.reached {
				t.Errorf("the service was reached %d times", s.reached.Load())
			}
			if c := faulty.Counts(); c.Faults[kind][awsfault.DynamoDB] != 1 || c.CallsOf(awsfault.DynamoDB) != 1 {
				t.Errorf("counts %+v", c)
			}
		})
	}
}

func TestAProxyCutsConnectionsAndHandsOnTheRest(t *testing.T) {
	for kind, want := range kinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := serve(t)
			p, err := awsfault.StartProxy(t.Context(), s.URL, awsfault.Rates{kind: 1}, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			status, body, err := call(t, transport, p.URL, getItem)
			if failed := want.status == 0 || want.broken; (err != nil) != failed {
				t.Errorf("answer %d %q, error %v, want one: %v", status, body, err, failed)
			}
			if (s.reached.Load() == 1) != want.reached {
				t.Errorf("the service was reached %d times", s.reached.Load())
			}
			p.Faults.Set(nil)
			if status, body, err := call(t, transport, p.URL, getItem); status != 200 || body != "you sent hello" || err != nil {
				t.Errorf("without faults: %d %q, %v", status, body, err)
			}
		})
	}
}

func TestRatesAndSeeds(t *testing.T) {
	s := serve(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	outcomes := func(seed uint64) string {
		faulty := awsfault.NewRandom(transport, awsfault.Rates{awsfault.CutBefore: 0.2, awsfault.Throttled: 0.2}, seed, seam.System{})
		var out strings.Builder
		for range 100 {
			_, body, err := call(t, faulty, s.URL, send)
			switch {
			case err != nil:
				out.WriteByte('c')
			case strings.Contains(body, "RequestThrottled"):
				out.WriteByte('t')
			default:
				out.WriteByte('.')
			}
		}
		return out.String()
	}
	first := outcomes(1)
	if again := outcomes(1); first != again {
		t.Errorf("a seed's faults are not the same again:\n%s\n%s", first, again)
	}
	if first == outcomes(2) {
		t.Error("two seeds have the same faults")
	}
	if cut, throttled := strings.Count(first, "c"), strings.Count(first, "t"); cut < 8 || cut > 35 || throttled < 8 || throttled > 35 {
		t.Errorf("of 100 calls %d were cut and %d throttled, at a rate of 20 %% each", cut, throttled)
	}
}

func TestRefusalsHaveTheirServicesForm(t *testing.T) {
	for target, want := range map[string]string{
		getItem: `"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"`,
		send:    `"__type":"com.amazonaws.sqs#ThrottlingException"`,
		"":      `<Code>ThrottlingException</Code>`,
	} {
		script := awsfault.NewScript(http.DefaultTransport)
		script.Ever("", awsfault.Refuses(400, "ThrottlingException"))
		if status, body, err := call(t, script, "http://127.0.0.1:1", target); status != 400 || err != nil || !strings.Contains(body, want) {
			t.Errorf("%q: %d %s, %v", target, status, body, err)
		}
	}
}

func TestAScriptGivesFaultsInTheirOrder(t *testing.T) {
	s := serve(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	script := awsfault.NewScript(transport)
	script.On("GetItem", awsfault.LostRequest, awsfault.Refuses(500, "InternalServerError"))
	for i, want := range []int{0, 500, 200} {
		if status, _, _ := call(t, script, s.URL, getItem); status != want {
			t.Errorf("call %d: %d, want %d", i, status, want)
		}
	}
	if status, _, _ := call(t, script, s.URL, send); status != 200 {
		t.Errorf("another operation: %d", status)
	}
	if got := script.Requests("GetItem"); len(got) != 3 || got[0] != "hello" || script.Count("SendMessage") != 1 {
		t.Errorf("requests %q", got)
	}
}
