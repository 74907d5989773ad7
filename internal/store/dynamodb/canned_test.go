package dynamodb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

// answer is one that DynamoDB gives; a zero status is a connection that breaks.
type answer struct {
	status int
	body   string
}

func failure(status int, code string) answer {
	return answer{status, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"because"}`, code)}
}

func cancelled(codes ...string) answer {
	reasons := make([]string, 0, len(codes))
	for _, code := range codes {
		reasons = append(reasons, fmt.Sprintf(`{"Code":%q}`, code))
	}
	return answer{http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"because","CancellationReasons":[` +
		strings.Join(reasons, ",") + `]}`}
}

// canned answers the calls one after the other, and from then on with the last answer.
type canned struct {
	mu      sync.Mutex
	answers []answer
	calls   []map[string]any
}

func (c *canned) Do(r *http.Request) (*http.Response, error) {
	var call map[string]any
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
	a := c.answers[min(len(c.calls), len(c.answers))-1]
	if a.status == 0 {
		return nil, errors.New("use of closed network connection")
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewBufferString(a.body)), Request: r,
	}, nil
}

// answering returns a store that gets these answers, on a clock that waits for nothing.
func answering(t *testing.T, tally *awsclient.Tally, answers ...answer) (*dynamodb.Store, *canned) {
	t.Helper()
	transport := &canned{answers: answers}
	s, err := dynamodb.New(aws.Config{
		Region: "eu-west-1", HTTPClient: transport, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}, dynamodb.Options{Table: "rows", Clock: seamtest.NewClock(), Random: seam.Crypto{}, Tally: tally})
	if err != nil {
		t.Fatal(err)
	}
	return s, transport
}

const attempts = 8

func TestWhatIsKnownAfterATransactionFailed(t *testing.T) {
	ok := answer{http.StatusOK, `{}`}
	writes := []store.Write{
		store.Put(store.Row{Key: store.Key{Partition: "p", Sort: "1"}}, store.Absent()),
		store.Put(store.Row{Key: store.Key{Partition: "p", Sort: "2"}}, store.Any()),
		store.Check(store.Key{Partition: "p", Sort: "3"}, store.Present()),
	}
	conflict := func(failed ...int) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			var c *store.ConflictError
			if !errors.As(err, &c) {
				t.Fatalf("error = %v, want a conflict", err)
			}
			if diff := cmp.Diff(failed, c.Failed); diff != "" {
				t.Errorf("refused writes (-want +got):\n%s", diff)
			}
		}
	}
	success := func(t *testing.T, err error) {
		if err != nil {
			t.Errorf("error = %v, want none", err)
		}
	}
	throttled := func(t *testing.T, err error) {
		if !errors.Is(err, dynamodb.ErrThrottled) || store.IsConflict(err) {
			t.Errorf("error = %v, want ErrThrottled", err)
		}
	}
	unknown := func(t *testing.T, err error) {
		if err == nil || store.IsConflict(err) || errors.Is(err, dynamodb.ErrThrottled) {
			t.Errorf("error = %v, want one that leaves the outcome unknown", err)
		}
	}
	saying := func(word string) func(*testing.T, error) {
		return func(t *testing.T, err error) {
			unknown(t, err)
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("error = %v, want one that says %q", err, word)
			}
		}
	}
	for _, c := range []struct {
		name    string
		answers []answer
		calls   int
		want    func(*testing.T, error)
	}{
		{"success", []answer{ok}, 1, success},
		{"a condition does not hold", []answer{cancelled("None", "None", "ConditionalCheckFailed")}, 1, conflict(2)},
		{"two conditions do not hold", []answer{cancelled("ConditionalCheckFailed", "None", "ConditionalCheckFailed")}, 1, conflict(0, 2)},
		{"a condition decides over a concurrent transaction", []answer{cancelled("TransactionConflict", "None", "ConditionalCheckFailed")}, 1, conflict(2)},
		{"a concurrent transaction is waited for", []answer{cancelled("None", "TransactionConflict", "None"), ok}, 2, success},
		{"concurrent transactions without end", []answer{cancelled("None", "TransactionConflict", "None")}, attempts, conflict()},
		{"our own attempt is still in progress", []answer{{}, failure(400, "TransactionInProgressException"), ok}, 3, success},
		{"throttled once", []answer{failure(400, "ProvisionedThroughputExceededException"), ok}, 2, success},
		{"throttled by a partition", []answer{cancelled("None", "ThrottlingError", "None"), ok}, 2, success},
		{"throttled without end", []answer{failure(400, "ThrottlingException")}, attempts, throttled},
		{"throttled for the account", []answer{failure(400, "RequestLimitExceeded")}, attempts, throttled},
		{"a lost answer, then throttled without end", []answer{{}, failure(400, "ThrottlingException")}, attempts, unknown},
		{"a lost answer, then contended without end", []answer{{}, cancelled("TransactionConflict", "None", "None")}, attempts, unknown},
		{"a lost answer, then a condition", []answer{{}, cancelled("ConditionalCheckFailed", "None", "None")}, 2, conflict(0)},
		{"connections that break", []answer{{}}, attempts, unknown},
		{"errors of the server", []answer{failure(500, "InternalServerError")}, attempts, unknown},
		{"a page of some proxy", []answer{{http.StatusBadGateway, "<html>"}, ok}, 2, success},
		{"an answer cut short", []answer{{http.StatusOK, `{"ConsumedCapacity":[`}, ok}, 2, success},
		{"no table", []answer{failure(400, "ResourceNotFoundException")}, 1, saying("create it first")},
		{"not allowed", []answer{failure(400, "AccessDeniedException")}, 1, saying("may not")},
		{"credentials that have expired", []answer{failure(400, "ExpiredTokenException")}, 1, saying("credentials")},
		{"a request that DynamoDB takes for wrong", []answer{failure(400, "ValidationException")}, 1, saying("because")},
		{"a write that DynamoDB takes for wrong", []answer{cancelled("None", "ValidationError", "None")}, 1, unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, transport := answering(t, nil, c.answers...)
			c.want(t, s.Transact(t.Context(), writes))
			if len(transport.calls) != c.calls {
				t.Errorf("%d calls, want %d", len(transport.calls), c.calls)
			}
			for _, call := range transport.calls[1:] {
				if diff := cmp.Diff(transport.calls[0], call); diff != "" {
					t.Errorf("an attempt differs from the first, so that its token does not fit (-first +later):\n%s", diff)
				}
			}
		})
	}
}

func TestEachTransactionHasATokenOfItsOwn(t *testing.T) {
	s, transport := answering(t, nil, answer{http.StatusOK, `{}`})
	for range 2 {
		if err := s.Transact(t.Context(), []store.Write{store.Delete(store.Key{Partition: "p", Sort: "s"}, store.Any())}); err != nil {
			t.Fatal(err)
		}
	}
	first, second := transport.calls[0]["ClientRequestToken"], transport.calls[1]["ClientRequestToken"]
	if first == second || first == nil {
		t.Errorf("tokens %v and %v, want two", first, second)
	}
}

func TestReadsAreTriedAgain(t *testing.T) {
	found := answer{http.StatusOK, `{"Item":{"p":{"S":"p"},"s":{"S":"s"},"v":{"N":"7"}},"ConsumedCapacity":{"TableName":"rows","CapacityUnits":1}}`}
	var tally awsclient.Tally
	s, _ := answering(t, &tally, answer{}, failure(503, "ServiceUnavailable"), failure(400, "ThrottlingException"), found)
	row, err := s.Get(t.Context(), store.Key{Partition: "p", Sort: "s"})
	if err != nil || row.Version != 7 {
		t.Errorf("Get = version %d, %v", row.Version, err)
	}
	want := awsclient.Counts{{Service: "DynamoDB", Name: "GetItem"}: {Calls: 4, Failed: 3, Throttled: 1, ReadUnits: 1}}
	if diff := cmp.Diff(want, tally.Counts()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestAContextThatEndsEndsTheAttempts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	transport := &canned{answers: []answer{{}}}
	stop := &stopping{canned: transport, after: 2, cancel: cancel}
	s, err := dynamodb.New(aws.Config{
		Region: "eu-west-1", HTTPClient: stop, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}, dynamodb.Options{Table: "rows", Clock: seamtest.NewClock(), Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Transact(ctx, []store.Write{store.Put(store.Row{Key: store.Key{Partition: "p", Sort: "s"}}, store.Any())})
	if !errors.Is(err, context.Canceled) || len(transport.calls) != 2 {
		t.Errorf("error = %v after %d calls, want context.Canceled after 2", err, len(transport.calls))
	}
}

// stopping cancels a context during a call.
type stopping struct {
	*canned
	after  int
	cancel context.CancelFunc
}

func (s *stopping) Do(r *http.Request) (*http.Response, error) {
	answer, err := s.canned.Do(r)
	if len(s.calls) == s.after {
		s.cancel()
	}
	return answer, err
}

func TestItemsOfSomethingElseAreRefused(t *testing.T) {
	for name, item := range map[string]string{
		"no version":             `"p":{"S":"p"},"s":{"S":"s"}`,
		"a version that is text": `"p":{"S":"p"},"s":{"S":"s"},"v":{"S":"1"}`,
		"a value that is text":   `"p":{"S":"p"},"s":{"S":"s"},"v":{"N":"1"},"b":{"S":"x"}`,
		"a fraction":             `"p":{"S":"p"},"s":{"S":"s"},"v":{"N":"1.5"}`,
		"a key that is a number": `"p":{"N":"1"},"s":{"S":"s"},"v":{"N":"1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := answering(t, nil, answer{http.StatusOK, `{"Item":{` + item + `}}`})
			if row, err := s.Get(t.Context(), store.Key{Partition: "p", Sort: "s"}); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get = %+v, %v; want an error", row, err)
			}
		})
	}
}

func TestAClosedStoreCallsNobody(t *testing.T) {
	s, transport := answering(t, nil, answer{http.StatusOK, `{}`})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), store.Key{Partition: "p", Sort: "s"}); err == nil || errors.Is(err, store.ErrNotFound) || len(transport.calls) != 0 {
		t.Errorf("Get on a closed store: %v, %d calls", err, len(transport.calls))
	}
}

func TestAStoreNeedsATable(t *testing.T) {
	if _, err := dynamodb.New(aws.Config{}, dynamodb.Options{}); err == nil {
		t.Error("New without a table succeeded")
	}
}

func TestABatchIsRestoredInAsManyCallsAsItTakes(t *testing.T) {
	left := answer{http.StatusOK, `{"UnprocessedItems":{"rows":[{"PutRequest":{"Item":{"p":{"S":"p"},"s":{"S":"2"},"v":{"N":"1"}}}}]}}`}
	rows := []store.Row{{Key: store.Key{Partition: "p", Sort: "1"}, Version: 1}, {Key: store.Key{Partition: "p", Sort: "2"}, Version: 1}}
	t.Run("what is left is written later", func(t *testing.T) {
		s, transport := answering(t, nil, left, left, answer{http.StatusOK, `{}`})
		if err := s.Restore(t.Context(), rows); err != nil || len(transport.calls) != 3 {
			t.Errorf("Restore: %v after %d calls", err, len(transport.calls))
		}
	})
	t.Run("until nothing more is taken", func(t *testing.T) {
		s, _ := answering(t, nil, left)
		if err := s.Restore(t.Context(), rows); !errors.Is(err, dynamodb.ErrThrottled) {
			t.Errorf("Restore: %v, want ErrThrottled", err)
		}
	})
}
