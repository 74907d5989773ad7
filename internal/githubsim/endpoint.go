package githubsim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// endpoint is one operation of the REST API.
type endpoint struct {
	name       string // as faults and limits name it
	method     string
	pattern    string
	permission string // such as "actions:read"; empty needs none
	app        bool   // only for an App's JWT
	serve      func(s *Simulator, c *call) answer
}

// points is what a call costs of the secondary limit (GitHub's documentation).
func (e endpoint) points() int {
	const write = 5
	if e.method == http.MethodGet {
		return 1
	}
	return write
}

// call is one request, under the lock.
type call struct {
	r          *http.Request
	body       []byte
	now        time.Time
	who        *principal
	repository *world.Repository
	scope      *world.Scope
	render     renderer
}

// answer is one response, written after the lock is released.
type answer struct {
	status int
	header http.Header
	body   any    // JSON, unless raw is set
	raw    []byte // with Content-Type in header
	hang   bool   // never written
}

// apiError is a refusal in GitHub's form.
type apiError struct {
	status        int
	message       string
	documentation string // GitHub's page about it; that of the whole API when empty
	errors        any
	header        http.Header
}

func notFound() *apiError { return &apiError{status: http.StatusNotFound, message: "Not Found"} }

func (e *apiError) answer() answer {
	const documentation = "https://docs.github.com/rest"
	body := object{"message": e.message, "documentation_url": documentation + e.documentation, "status": strconv.Itoa(e.status)}
	if e.errors != nil {
		body["errors"] = e.errors
	}
	return answer{status: e.status, body: body, header: e.header}
}

const maxRequestBody = 1 << 20

// serveEndpoint handles one operation: everything that GitHub checks before it, and what follows after it.
func (s *Simulator) serveEndpoint(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
		if err != nil {
			s.write(w, (&apiError{status: http.StatusBadRequest, message: "Problems reading the body"}).answer())
			return
		}
		var a answer
		s.locked(func(now time.Time) {
			c := &call{r: r, body: body, now: now, render: s.renderFor(r)}
			a = s.handle(c, e)
		})
		if a.hang {
			s.hang(r.Context())
			panic(http.ErrAbortHandler)
		}
		s.write(w, a)
	}
}

const hangTime = time.Minute // longer than any client's deadline

// hang lasts until the client gives up, or the simulator ends.
func (s *Simulator) hang(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	_ = s.clock.Sleep(ctx, hangTime) // however it ends, nothing is answered
}

func (s *Simulator) handle(c *call, e endpoint) answer {
	var refusal *apiError
	if c.who, refusal = s.authenticate(c.r.Header, c.now); refusal != nil {
		return refusal.answer()
	}
	if refusal = s.limits.admit(c.who, e, c.now); refusal != nil {
		return s.limited(refusal.answer(), c)
	}
	if refusal = s.faultBefore(e); refusal != nil {
		return s.limited(refusal.answer(), c)
	}
	if refusal = s.authorize(c, e); refusal != nil {
		return s.limited(refusal.answer(), c)
	}
	a := e.serve(s, c)
	a = s.conditional(a, c)
	return s.limited(s.faultAfter(a, e), c)
}

func (s *Simulator) limited(a answer, c *call) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	s.limits.headers(a.header, c.who, c.now)
	return a
}

// faultBefore is a refusal without any effect.
func (s *Simulator) faultBefore(e endpoint) *apiError {
	f := s.world.Faults()
	switch {
	case s.world.Chance(world.Rate(f.ServerError, e.name)):
		return &apiError{status: http.StatusServiceUnavailable, message: "No server is currently available to service your request."}
	case s.world.Chance(world.Rate(f.SecondaryLimit, e.name)):
		return s.limits.secondary(time.Duration(f.SecondaryRetryAfter))
	default:
		return nil
	}
}

// faultAfter hides an effect that has happened.
func (s *Simulator) faultAfter(a answer, e endpoint) answer {
	f := s.world.Faults()
	switch {
	case s.world.Chance(world.Rate(f.TimeoutAfterSuccess, e.name)):
		a.hang = true
		return a
	case s.world.Chance(world.Rate(f.ErrorAfterSuccess, e.name)):
		return (&apiError{status: http.StatusBadGateway, message: "Server Error"}).answer()
	default:
		return a
	}
}

// conditional adds an ETag to what was read, and answers 304 to who has it already, free of the primary limit.
func (s *Simulator) conditional(a answer, c *call) answer {
	if c.r.Method != http.MethodGet || a.status != http.StatusOK {
		return a
	}
	content := a.raw
	if content == nil {
		content = encode(a.body)
	}
	sum := sha256.Sum256(content)
	tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("ETag", tag)
	if c.r.Header.Get("If-None-Match") == tag {
		s.limits.refund(c.who, c.now)
		return answer{status: http.StatusNotModified, header: http.Header{"Etag": {tag}}}
	}
	return a
}

func encode(body any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		panic("githubsim renders values that JSON cannot hold: " + err.Error())
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

func (s *Simulator) write(w http.ResponseWriter, a answer) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	content := a.raw
	if content == nil && a.body != nil {
		content = encode(a.body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(content); err != nil {
		s.logger.Debug("answering", "error", err)
	}
}

// page cuts a list as per_page and page ask, and links to the other pages.
func page[T any](c *call, items []T) ([]T, http.Header) {
	const standard, most = 30, 100
	query := c.r.URL.Query()
	size := min(queryInt(query, "per_page", standard), most)
	number := queryInt(query, "page", 1)
	last := max((len(items)+size-1)/size, 1)
	from := min((number-1)*size, len(items))
	header := http.Header{}
	link := ""
	add := func(n int, relation string) {
		if link != "" {
			link += ", "
		}
		query.Set("page", strconv.Itoa(n))
		link += "<" + c.render.base + c.r.URL.EscapedPath() + "?" + query.Encode() + `>; rel="` + relation + `"`
	}
	if number > 1 {
		add(number-1, "prev")
	}
	if number < last {
		add(number+1, "next")
		add(last, "last")
	}
	if link != "" {
		header.Set("Link", link)
	}
	return items[from:min(from+size, len(items))], header
}

func queryInt(query url.Values, name string, standard int) int {
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < 1 {
		return standard
	}
	return n
}

func pathID(c *call, name string) int64 {
	id, err := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
